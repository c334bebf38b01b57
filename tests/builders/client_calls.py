"""The calls of an Ansible module, agents, an alert relay, a reporting script and curl; and those of all clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders.dlcli_calls import (
    ACTION,
    AGENT,
    COMMAND_LINE,
    CRITERION,
    DASHBOARD,
    ENCODED,
    JSON,
    OTHER,
    PLUGIN_FORM,
    POST_PLUGIN,
    PUT_RULE,
    REGISTER,
    RULE,
    RULE_YAML,
    SEEN_CRITERION,
    SOURCE,
    WRAPPED,
)
from tests.builders.replaying import PYTHON, Scenario, Step, observed

if TYPE_CHECKING:
    from tests.builders.replaying import Headers

CURL: Headers = {"User-Agent": "curl/7.52.1", "Accept": "*/*"}
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

ANSIBLE = (
    Scenario(
        "Ansible",
        "a plugin by its id",
        (
            Step("GET plugins", headers=JSON, equals=[]),
            Step("POST plugins", headers=JSON, json={**PLUGIN_FORM, "description": "the disk"}),
            Step("GET plugins", headers=JSON, full=[{"name": "disk"}], save={"plugin": (0, "id")}),
            observed("GET plugins/{plugin}", headers=JSON, has={"content": ENCODED}),
            observed("PATCH plugins/{plugin}", headers=JSON, json={"content": "bmV3"}),
            Step("GET plugins/disk", headers=JSON, has={"description": "the disk"}, full={"content": "bmV3"}),
            observed("DELETE plugins/{plugin}", headers=JSON, status=204),
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
            ),
            observed("PUT rules/{rule}", headers=JSON, json={**RULE, "title": "Load of db"}),
            observed("GET rules", headers=JSON, has=[{"title": "Load of db"}]),
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
            Step("POST annotations/deploys", headers=JSON, json={"name": "shop", "description": "24"}, status=200),
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
