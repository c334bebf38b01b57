"""Calls of public clients of the service, as data: what each sends, in its order, and what it reads in the answers."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Headers = Mapping[str, str]
    Path = Sequence[str | int | Mapping[str, str]]

ROOT = "/orgs/acme/accounts"
CONTENT = b"#!/bin/sh\necho 'OK | used=40%'\n" * 4
ENCODED = base64.b64encode(CONTENT).decode()
WRAPPED = base64.encodebytes(CONTENT).decode()
AGENT = "2b1a7a30-5d3c-5c5d-9c1e-d8a7c1f0a001"
OTHER = "2b1a7a30-5d3c-5c5d-9c1e-d8a7c1f0a002"

PYTHON: Headers = {"User-Agent": "python-requests/2.18.4", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
JSON: Headers = {**PYTHON, "Content-Type": "application/json"}
YAML_OUT: Headers = {**PYTHON, "Accept": "application/yaml"}
YAML_IN: Headers = {**PYTHON, "Content-Type": "application/yaml"}
CURL: Headers = {"User-Agent": "curl/7.52.1", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Step:
    """Describe one call of a client.

    :param call: method and path; the path begins at the account, or at the API with a slash. ``{name}`` is a saved value.
    :param form: sent as a form; a list repeats its key. ``json`` and ``text`` likewise.
    :param status: what the client tests for; 0: any 2xx.
    :param has: what the answer holds on every server; see :func:`holds`. ``lacks``: a text that it does not hold.
    :param full: what it holds besides, unless the server is documented-only.
    :param equals: the whole answer of a full server, as JSON.
    :param save: values for later calls: a name, and the path to it in the answer.
    :param observed: a documented-only server answers 404 or 405.
    """

    call: str
    headers: Headers = field(default_factory=lambda: PYTHON)
    form: Mapping[str, object] | None = None
    json: object = None
    text: str = ""
    status: int = 0
    has: object = None
    full: object = None
    equals: object = None
    lacks: str = ""
    save: Mapping[str, Path] = field(default_factory=dict)
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """Name what a client does in an account that is empty, or the demo's."""

    client: str
    name: str
    steps: tuple[Step, ...]
    demo: bool = False


def at(answer: Any, path: Path) -> Any:
    """Return the value at a path; a mapping in it selects the first item of a list that holds it."""
    for key in path:
        answer = answer[key] if isinstance(key, str | int) else next(item for item in answer if holds(item, key))
    return answer


def holds(answer: Any, expected: Any) -> bool:
    """Return whether an answer holds what is expected.

    A mapping has at least these keys, each item of a list is in the list somewhere, a text is a part, a type is a type.
    """
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            key in answer and holds(answer[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(answer, list) and all(any(holds(item, value) for item in answer) for value in expected)
    if isinstance(expected, type):
        return type(answer) is expected
    if isinstance(expected, str):
        return isinstance(answer, str) and expected in answer
    return type(answer) is type(expected) and bool(answer == expected)


def observed(call: str, **options: Any) -> Step:
    """Return a call of an operation that only was observed."""
    return Step(call, observed=True, **options)


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
CONTAINER = {
    "finger": AGENT,
    "name": "shop_web_1",
    "mac": "4C4C4544-0051-4D10",
    "hostname": "3f2a",
    "os_name": "docker",
    "os_version": "",
    "processes": ["/usr/sbin/nginx:1", "sh:1"],
    "interfaces": [{"interface": "eth0", "addresses": [{"ips": ["172.17.0.2"], "family": "AF_INET"}]}],
    "mode": "DEFAULT",
    "interpreter": "/usr/bin/python",
    "container_id": "3f2a9c",
    "parent": OTHER,
}

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

ANSIBLE = (
    Scenario(
        "Ansible",
        "a plugin by its id",
        (
            Step("GET plugins", headers=JSON, equals=[]),
            Step("POST plugins", headers=JSON, json={**PLUGIN_FORM, "description": "the disk"}),
            Step("GET plugins", headers=JSON, full=[{"name": "disk"}], save={"plugin": (0, "id")}),
            Step("GET plugins/{plugin}", headers=JSON, has={"content": ENCODED}),
            Step("PATCH plugins/{plugin}", headers=JSON, json={"content": "bmV3"}),
            Step("GET plugins/disk", headers=JSON, has={"content": "bmV3", "description": "the disk"}),
            Step("DELETE plugins/{plugin}", headers=JSON, status=204),
            Step("GET plugins", headers=JSON, equals=[]),
        ),
    ),
    Scenario(
        "Ansible",
        "a rule by its title and its id",
        (
            observed("POST rules", headers=JSON, json=RULE),
            observed("GET rules", headers=JSON, has=[{"title": RULE["title"]}], save={"rule": (0, "id")}),
            observed(
                "GET rules/{rule}",
                headers=JSON,
                has={"title": RULE["title"], "description": "too much", "actions": [ACTION]},
                lacks="triggered_by",  # the module compares all fields but the ones that it knows to be the server's
            ),
            observed("PUT rules/{rule}", headers=JSON, json={**RULE, "title": "Load of db"}),
            observed("GET rules", headers=JSON, has=[{"title": "Load of db"}], lacks=str(RULE["title"])),
            observed("DELETE rules/{rule}", headers=JSON, status=204),
            observed("GET rules", headers=JSON, equals=[]),
        ),
    ),
    Scenario(
        "Ansible",
        "a link, the tags of an agent and an annotation",
        (
            POST_PLUGIN,
            observed("POST links", headers=JSON, json={"plugin": "disk", "tags": ["web", "db"]}),
            Step("GET links", headers=JSON, full=[{"plugin": "disk", "tags": ["web", "db"]}], save={"link": (0, "id")}),
            observed("DELETE links/{link}", headers=JSON, json={"plugin": "disk", "tags": ["web", "db"]}, status=204),
            REGISTER,
            observed(f"PUT agents/{AGENT}/tags", headers=JSON, json={"names": ["web", "blue"]}),
            Step("GET agents", headers=JSON, full=[{"tags": ["web", "blue"]}]),
            observed(f"DELETE agents/{AGENT}/tags", headers=JSON, json={"tags": ["blue"]}),
            Step("GET agents", headers=JSON, full=[{"tags": ["web"]}], lacks="blue"),
            Step(
                "POST annotations/deploys", headers=JSON, json={"name": "shop", "description": "24"}, status=200
            ),
        ),
    ),
)

AGENTS = (
    Scenario(
        "agent",
        "registers, pings, is tagged, is found by its address and deregisters",
        (
            observed(f"POST agents/{AGENT}/ping", headers=JSON, json=CONTAINER),
            observed(f"POST agents/{AGENT}/ping", headers=JSON, json=CONTAINER),
            observed(
                f"PUT agents/{AGENT}/tags",
                headers=JSON,
                json={"finger": AGENT, "tags": "all,docker,container:3f2a,library:nginx"},
            ),
            Step(
                f"GET agents?mac={CONTAINER['mac']}",
                headers=JSON,
                full=[
                    {"id": AGENT, "name": "shop_web_1", "tags": ["all", "docker", "container:3f2a", "library:nginx"]}
                ],
            ),
            Step("GET agents?mac=06:5d:5e:d8:63:99", headers=JSON, equals=[]),
            observed(
                f"GET agents/{AGENT}",
                headers=JSON,
                has={key: CONTAINER[key] for key in ("interfaces", "interpreter", "container_id", "parent")},
            ),
            observed(f"POST agents/{AGENT}/deregister", headers=JSON),
            Step("GET agents", headers=JSON, lacks='"REGISTERED"'),
        ),
    ),
    Scenario(
        "agent",
        "a container of the first image",
        (
            observed(f"POST agents/{AGENT}/ping", headers=JSON, json={**SOURCE, "container": "001", "mac": "m"}),
            observed(f"PUT agents/{AGENT}/tags", headers=JSON, json={"tags": "all,docker"}),
            Step("GET agents?mac=m", headers=JSON, full=[{"mac": "m", "tags": ["all", "docker"]}]),
        ),
    ),
)

READERS = (
    Scenario(
        "alert relay",
        "criteria of the rule that an alert names, and its agents",
        (
            PUT_RULE,
            REGISTER,
            observed("GET rules", save={"rule": (0, "id")}),
            observed(
                "GET rules/{rule}/criteria", headers={**PYTHON, "Accept": "application/json"}, has=[SEEN_CRITERION]
            ),
            Step(
                "GET agents",
                headers={**PYTHON, "Accept": "application/json"},
                full=[{"id": AGENT, "name": "web-1", "container_name": ""}],
            ),
        ),
    ),
    Scenario(
        "reporting script",
        "plugins of each agent and details of each rule",
        (
            POST_PLUGIN,
            REGISTER,
            observed("POST links", json={"plugin": "disk", "tags": ["web"]}),
            PUT_RULE,
            observed("GET ", headers=JSON, has={"name": "default"}),
            Step("GET agents", headers=JSON, full=[{"name": "web-1"}]),
            observed(f"GET agents/{AGENT}/plugins", headers=JSON, has=[{"name": "disk"}]),
            observed("GET rules", headers=JSON, has=[{"name": "load"}], save={"rule": (0, "id")}),
            observed(
                "GET rules/{rule}/",
                headers=JSON,
                has={"criteria": [{"metric": CRITERION["metric"]}], "actions": [ACTION]},
            ),
        ),
    ),
    Scenario(
        "curl",
        "the documentation's lines, and forms",
        (
            Step("PUT rules/load", headers={**CURL, "Expect": "application/yaml"}, text=RULE_YAML),
            Step("PUT dashboards/web", headers={**CURL, "Expect": "100-continue"}, text=DASHBOARD),
            Step("GET dashboards/web", headers={**CURL, "Accept": "application/yaml"}, has="title: Web"),
            POST_PLUGIN,
            Step(
                "PATCH plugins/disk",
                headers={**CURL, "Content-Type": "application/json"},
                json={"content": WRAPPED, "encoding": "base64"},
            ),
            Step("GET plugins/disk", headers=CURL, has={"content": ENCODED}),
            observed("POST links", headers=CURL, form={"plugin": "disk", "tags": ["web", "db", "all"]}),
            Step("GET links", headers=CURL, full=[{"tags": ["web", "db", "all"]}]),
            observed("PATCH rules/load", headers=CURL, form={"mute": "True"}),
            observed("GET rules", headers=CURL, has=[{"mute": True}]),
        ),
    ),
)

SCENARIOS = (*COMMAND_LINE, *ANSIBLE, *AGENTS, *READERS)
