"""The calls of the service's command-line client, in order, and the parts of the responses that it uses."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.builders.replaying import PYTHON, Scenario, Step, observed

if TYPE_CHECKING:
    from tests.builders.replaying import Headers

ROOT = "/orgs/acme/accounts"
CONTENT = b"#!/bin/sh\necho 'OK | used=40%'\n" * 4
ENCODED = base64.b64encode(CONTENT).decode()
WRAPPED = base64.encodebytes(CONTENT).decode()
AGENT = "2b1a7a30-5d3c-5c5d-9c1e-d8a7c1f0a001"
OTHER = "2b1a7a30-5d3c-5c5d-9c1e-d8a7c1f0a002"

JSON: Headers = {**PYTHON, "Content-Type": "application/json"}
YAML_OUT: Headers = {**PYTHON, "Accept": "application/yaml"}
YAML_IN: Headers = {**PYTHON, "Content-Type": "application/yaml"}


DASHBOARD = "title: Web\npositions:\n- {row: 1, col: 1, size_x: 2, size_y: 1, title: Load, type: number}\n"
ACTION = {"type": "EMAIL", "details": {"emails": ["ops@acme.example"], "message": "hot"}}
CRITERION = {
    "metric": "base.load_fractional",
    "scope": {"tag": "web"},
    "condition": {"threshold": 0.8, "timeout": 60, "operator": "gt"},
}
SEEN_CRITERION = {
    "id": str,
    "metric": "base.load_fractional",
    "condition": {"threshold": 0.8, "timeout": 60, "operator": "gt"},
    "data_type": "number",
    "state": "unknown",
    "scopes": [{"type": "tag", "id": "web", "name": "web"}],
    "sources": dict,
}
RULE = {"title": "Load of web", "description": "too much", "criteria": [CRITERION], "actions": [ACTION]}
RULE_YAML = """title: Load of web
description: too much
criteria:
- metric: base.load_fractional
  scope: {tag: web}
  condition: {threshold: 0.8, timeout: 60, operator: gt}
actions:
- type: EMAIL
  details: {emails: [ops@acme.example], message: hot}
"""
STATUS_YAML = """title: Down
criteria:
- metric: agent.status
  scope: {tag: all}
  condition: {threshold: false, timeout: 60}
actions: []
"""
REGISTRATION = {
    "fingerprint": AGENT,
    "name": "web-1",
    "hostname": "web-1.acme.example",
    "tag_names": "all,web",
    "mac": "06:5d:5e:d8:63:11",
    "os_name": "linux",
    "container_name": "",
    "mode": "DEFAULT",
    "status": "REGISTERED",
}
SOURCE = {
    "mac": "",
    "hostname": "src",
    "os_name": "",
    "os_version": "",
    "processes": [],
    "container": "",
    "interfaces": [],
    "mode": "SOLO",
    "name": "src",
}
PLUGIN_FORM = {"name": "disk", "extension": "sh", "content": ENCODED}
POST_PLUGIN = Step("POST plugins", form=PLUGIN_FORM, status=200)
PUT_RULE = Step("PUT rules/load", headers=YAML_IN, text=RULE_YAML, status=200)
REGISTER = observed(f"POST agents/{AGENT}/ping", form=REGISTRATION)

COMMAND_LINE = (
    Scenario(
        "dlcli",
        "status and lists of an empty account",
        (
            observed("GET ", status=200, has={"id": str, "name": "default"}),
            observed("GET /orgs", has=[{"name": "acme"}]),
            Step(f"GET {ROOT}", has=[{"name": "default"}]),
            observed("GET dashboards", equals=[]),
            observed("GET rules", equals=[]),
            Step("GET agents", equals=[]),
            Step("GET links", equals=[]),
            Step("GET plugins", equals=[]),
            Step("GET annotations", equals=[]),
            Step("GET tags", has=[{"name": "all"}]),
        ),
    ),
    Scenario(
        "dlcli",
        "push, pull, list and rm of a dashboard",
        (
            Step(
                "PUT dashboards/web%201", headers={**YAML_IN, "Accept-Encoding": "identity"}, text=DASHBOARD, status=200
            ),
            Step("GET dashboards/web%201", headers=YAML_OUT, has="title: Web"),
            observed("GET dashboards", has=[{"name": "web 1", "positions": [{"type": "number"}]}]),
            observed("DELETE dashboards/web%201", status=204),
            observed("GET dashboards", equals=[]),
        ),
    ),
    Scenario(
        "dlcli",
        "push, push again, pull, list and rm of a plugin",
        (
            POST_PLUGIN,
            Step("POST plugins", form=PLUGIN_FORM, status=422),
            Step("PATCH plugins/disk", form={**PLUGIN_FORM, "content": "bmV3"}, status=200),
            Step("GET plugins/disk", has={"content": "bmV3", "name": "disk", "extension": "sh"}),
            Step("GET plugins", has=[{"id": str}], full=[{"name": "disk", "extension": "sh"}]),
            Step("DELETE plugins/disk", status=204),
            Step("GET plugins", equals=[]),
        ),
    ),
    Scenario(
        "dlcli",
        "push, pull, list, mute, unmute and rm of a rule",
        (
            observed("POST rules", form={"name": "load"}),
            PUT_RULE,
            observed("POST rules", form={"name": "load"}, status=200, has={"name": "load", "title": "Load of web"}),
            PUT_RULE,
            observed(
                "GET rules",
                has=[{"name": "load", "title": "Load of web", "mute": False}],
                save={"rule": ({"name": "load"}, "id")},
            ),
            observed("GET rules/{rule}", headers=YAML_OUT, has="title: Load of web"),
            Step("GET rules/load", headers=YAML_OUT, has="title: Load of web"),
            Step("GET rules/load", full={"title": "Load of web", "criteria": [SEEN_CRITERION], "actions": [ACTION]}),
            observed("PATCH rules/load", form={"mute": True}),
            observed("GET rules", has=[{"name": "load", "mute": True}]),
            observed("PATCH rules/load", form={"mute": False}),
            observed("GET rules", has=[{"name": "load", "mute": False}]),
            observed("DELETE rules/load", status=204),
            observed("GET rules", equals=[]),
        ),
    ),
    Scenario(
        "dlcli",
        "criteria and alerts without data",
        (
            PUT_RULE,
            Step("PUT rules/down", headers=YAML_IN, text=STATUS_YAML),
            observed("GET rules", has=[{"name": "load"}, {"name": "down"}]),
            observed("GET rules/load/criteria", has=[SEEN_CRITERION]),
            observed(
                "GET rules/down/criteria",
                has=[{"condition": {"threshold": False, "timeout": 60}, "scopes": [{"type": "tag", "id": "all"}]}],
            ),
        ),
    ),
    Scenario(
        "dlcli",
        "alerts of the demo",
        (
            Step("GET agents", has=[{"name": "web-1"}], save={"agent": ({"name": "web-1"}, "id")}),
            Step("PUT rules/load", headers=YAML_IN, text=RULE_YAML.replace("0.8", "0.0001")),
            observed(
                "GET rules/load/criteria",
                has=[{"state": "hit", "sources": {"{agent}": "hit"}, "triggered_by": ["{agent}"]}],
            ),
        ),
        demo=True,
    ),
    Scenario(
        "dlcli",
        "annotations with and without a description",
        (
            Step("POST annotations/deploys", json={"name": "v1", "description": "shop"}),
            Step("POST annotations/deploys", json={"name": "v2", "description": None}),
            Step("GET annotations", has=["deploys"]),
            Step("GET annotations/deploys", has=[{"name": "v1", "description": "shop"}, {"name": "v2"}]),
            Step("DELETE annotations/deploys", status=204),
            Step("GET annotations", equals=[]),
        ),
    ),
    Scenario(
        "dlcli",
        "agents restored, looked up, pinged, listed by tag and removed",
        (
            observed(f"POST agents/{AGENT}/register", form=REGISTRATION),
            REGISTER,
            observed(f"POST agents/{OTHER}/ping", form=SOURCE),
            Step(
                "GET agents",
                full=[
                    {
                        "id": AGENT,
                        "name": "web-1",
                        "hostname": "web-1.acme.example",
                        "tags": ["all", "web"],
                        "mac": "06:5d:5e:d8:63:11",
                        "osName": "linux",
                        "container_name": "",
                        "mode": "DEFAULT",
                        "status": "REGISTERED",
                        "presence_state": "online",
                    },
                    {"id": OTHER, "name": "src", "mode": "SOLO"},
                ],
            ),
            observed(f"GET agents/{AGENT}", has={"id": AGENT, "interfaces": list}),
            Step("GET tags", has=[{"name": "all"}], full=[{"name": "web"}]),
            observed("DELETE tags/web", status=204),
            observed(f"DELETE agents/{AGENT}", status=204),
            Step("GET agents", lacks=AGENT),
        ),
    ),
    Scenario(
        "dlcli",
        "links of several tags",
        (
            POST_PLUGIN,
            observed(
                "POST links",
                form={"plugin": "disk", "tags": ["web", "db"], "id": "54dcd338", "org": "52d1bff8"},
            ),
            Step(
                "GET links", full=[{"plugin": "disk", "tags": ["web", "db"]}], save={"link": ({"plugin": "disk"}, "id")}
            ),
            observed("GET links/{link}", has={"plugin": "disk", "tags": ["web", "db"], "id": "{link}"}),
            observed("DELETE links/", status=405),
            observed("DELETE links/{link}", status=204),
            Step("GET links", equals=[]),
        ),
    ),
    Scenario(
        "dlcli",
        "metric paths expired and made valid again",
        (
            Step("GET agents", save={"agent": ({"name": "web-1"}, "id"), "other": ({"name": "web-2"}, "id")}),
            Step("GET metrics?source={agent}", has=[{"name": "base.load_fractional"}]),
            Step("GET metrics?tag=web", has=[{"name": "base.load_fractional"}]),
            Step(
                "GET metrics/base.load_fractional/series?source={agent}&resolution=30&period=600",
                full=[{"source": {"id": "{agent}", "name": "web-1"}, "points": [{"type": "number", "avg": float}]}],
            ),
            Step(
                "GET metrics/agent.status/series?tag=web&resolution=30&period=600",
                full=[{"source": {"name": "web-1"}, "points": [{"type": "boolean", "all": True}]}],
            ),
            observed(
                "PUT metrics/base.load_fractional/series?source={agent}&source={other}",
                form={"status": "expired"},
                equals=2,
            ),
            observed("PUT metrics/series?tag=all", form={"status": "valid"}, has=int),
            Step("GET metrics?source={agent}", has=[{"name": "base.load_fractional"}]),
        ),
        demo=True,
    ),
    Scenario(
        "dlcli",
        "rm of an account",
        (
            Step(f"POST {ROOT}", json={"name": "copy"}),
            Step(f"DELETE {ROOT}/copy", status=204),
            Step(f"GET {ROOT}", lacks="copy"),
        ),
    ),
)
