"""Public clients of the service work unmodified: the tests replay their calls against both kinds of server."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import yaml

from dlsync.server.run import running
from tests.builders.client_calls import SCENARIOS
from tests.builders.commands import dlsync, environment
from tests.builders.dlcli_calls import ROOT, YAML_IN, YAML_OUT
from tests.builders.replaying import Answer, Replay, Scenario, Step, at, holds, replaying
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"{scenario.client}: {scenario.name}" for scenario in SCENARIOS]
VOLATILE = ("presence_state", "created", "modified", "heartbeat")
TREE = {
    "dashboards/Web servers.yaml": (
        "# ours\ntitle: Wéb\npositions:\n- {row: 1, col: 1, size_x: 2, size_y: 1, type: number}\n"
    ),
    "rules/load.yaml": (
        "title: Load\ndescription: too much\n"
        "criteria:\n- metric: base.load\n  scope: {tag: web}\n"
        "  condition: {threshold: 0.8, timeout: 60, operator: gt}\n"
        "actions:\n- type: EMAIL\n  details: {emails: [ops@acme.example], message: hot}\n"
    ),
    "rules/down.yaml": (
        "title: Down\ncriteria:\n- metric: agent.status\n  scope: {tag: all}\n"
        "  condition: {threshold: false, timeout: 60}\nactions: []\n"
    ),
    "plugins/disk.sh": "#!/bin/sh\necho 'OK ✓'\n",
    "plugins/ntp.py": "print('OK')\n",
    "links.yaml": "disk: [web, db, all]\nntp: [db]\n",
}


@pytest.fixture
def with_demo(request: pytest.FixtureRequest) -> bool:
    return "scenario" in request.fixturenames and bool(request.getfixturevalue("scenario").demo)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_a_client_works_unmodified(scenario: Scenario, urls: list[str]) -> None:
    with replaying(*urls) as replay:
        for step in scenario.steps:
            answer = replay.send(step)
            assert wrong(step, answer, replay, full=True) == "", answer.text
            replay.saved.update({name: str(at(answer.value, path)) for name, path in step.save.items()})


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_a_documented_only_server_refuses_observed_calls_and_answers_documented_calls(scenario: Scenario) -> None:
    with running(demo=scenario.demo, documented_only=True) as server, replaying(server.url) as replay:
        for step in scenario.steps:
            if "{" in replay.filled(step.call):  # the call needs an id that only a refused list returns
                continue
            answer = replay.send(step)
            if step.observed:
                assert answer.status in {404, 405}, step.call
                continue
            assert wrong(step, answer, replay, full=False) == "", answer.text
            replay.saved.update({name: str(at(answer.value, path)) for name, path in step.save.items() if answer.value})


def wrong(step: Step, answer: Answer, replay: Replay, *, full: bool) -> str:
    """Return the first check that an answer fails; an empty text if the client would accept the answer."""
    expected = [step.has] if step.has is not None else []
    if full and step.full is not None:
        expected.append(step.full)
    checks = {
        f"{step.call}: status {answer.status}": answer.status == step.status if step.status else answer.status < 300,
        f"{step.call}: content-length": answer.status == 204 or "content-length" in answer.headers,
        f"{step.call}: lacks {step.lacks}": not step.lacks or step.lacks not in answer.text,
        f"{step.call}: equals {step.equals}": not full or step.equals is None or answer.value == step.equals,
        **{f"{step.call}: has {value}": holds(answer.value, replay.filled(value)) for value in expected},
    }
    return next((check for check, passed in checks.items() if not passed), "")


def saved_agent(agent: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in agent.items() if key not in VOLATILE}


def backup(replay: Replay) -> dict[str, str | bytes]:
    """Return the files that the old command-line client's ``backup account`` writes, fetched by its calls."""
    files: dict[str, str | bytes] = {}
    for agent in replay.get("agents"):
        files[f"agents/{quote(agent['name'], safe='')}.json"] = json.dumps(saved_agent(agent), indent=4)
    for dashboard in replay.get("dashboards"):
        files[f"dashboards/{dashboard['name']}.yaml"] = dumped(dashboard)
    for plugin in replay.get("plugins"):
        content = base64.b64decode(replay.get(f"plugins/{plugin['name']}")["content"])
        files[f"plugins/{plugin['name']}.{plugin['extension']}"] = content
    for rule in replay.get("rules"):
        exported = yaml.safe_load(replay.send(Step(f"GET rules/{rule['id']}", headers=YAML_OUT)).text)
        for action in exported["actions"]:
            action.get("details", {}).pop("status", None)
        files[f"rules/{rule['name']}.yaml"] = dumped(exported)
    for link in replay.get("links"):
        files[f"links/{link['id']}.json"] = json.dumps(replay.get(f"links/{link['id']}"), indent=4)
    return files


def dumped(document: object) -> str:
    """Return YAML as PyYAML's ``safe_dump`` writes it for the client: sorted, escaped, with a document start."""
    return yaml.safe_dump(document, explicit_start=True, default_flow_style=False)


def restoring(files: dict[str, str | bytes]) -> list[Step]:
    """Return the calls of the old command-line client's ``restore account``."""
    steps = {"agents": _agent, "dashboards": _dashboard, "plugins": _plugin, "rules": _rule, "links": _link}
    return [
        step
        for folder, calls in steps.items()
        for path, text in files.items()
        if path.startswith(f"{folder}/")
        for step in calls(path.removeprefix(f"{folder}/"), text.encode() if isinstance(text, str) else text)
    ]


def _agent(_file: str, text: bytes) -> list[Step]:
    agent = json.loads(text)
    form = {key: agent[key] for key in ("name", "hostname", "mac", "container_name", "mode", "status")}
    form |= {"fingerprint": agent["id"], "tag_names": ",".join(agent["tags"]), "os_name": agent["osName"]}
    return [Step(f"POST agents/{agent['id']}/ping", form=form)]


def _dashboard(file: str, text: bytes) -> list[Step]:
    return [Step(f"PUT dashboards/{quote(file.removesuffix('.yaml'))}", headers=YAML_IN, text=text.decode())]


def _plugin(file: str, text: bytes) -> list[Step]:
    name, _, extension = file.rpartition(".")
    form = {"name": name, "extension": extension, "content": base64.b64encode(text).decode()}
    return [Step("POST plugins", form=form, status=200)]


def _rule(file: str, text: bytes) -> list[Step]:
    name = file.removesuffix(".yaml")
    put = Step(f"PUT rules/{quote(name)}", headers=YAML_IN, text=text.decode(), status=200)
    return [Step("POST rules", form={"name": name}), put]


def _link(_file: str, text: bytes) -> list[Step]:
    return [Step("POST links", form=json.loads(text))]


@pytest.mark.parametrize("inventory", ["account", "none"])
def test_a_backup_restored_into_an_empty_account_matches_its_files(
    tmp_path: Path, inventory: str, urls: list[str]
) -> None:
    tree = write_tree(tmp_path / "tree", {**TREE, "dlsync.yaml": f"inventory: {inventory}\n"})
    with replaying(*urls) as replay, replaying(*urls, account="copy") as copy:
        assert dlsync("apply", tree, "--auto-approve", env=environment(urls[0])).code == 0
        assert replay.send(Step(f"POST {ROOT}", json={"name": "copy"})).status < 300
        for identifier, agent in {"0a46": "web 1", "0a47": "http://db"}.items():
            form = {"name": agent, "tag_names": "web,db", "mac": "06:5d", "os_name": "linux", "hostname": agent}
            assert replay.send(Step(f"POST agents/{identifier}/ping", form=form)).status < 300
        files = backup(replay)
        for step in restoring(files):
            answer = copy.send(step)
            assert wrong(step, answer, copy, full=True) == "", answer.text
        for source in (tree, write_tree(tmp_path / "backups" / "acme" / "default", files)):
            plan = dlsync("plan", source, "--detailed-exitcode", env=environment(urls[-1], account="copy"))
            assert (plan.code, plan.err) == (0, ""), plan.out
        restored = [saved_agent(agent) for agent in copy.get("agents")]
        assert restored == [{**saved_agent(agent), "fingerprint": agent["id"]} for agent in replay.get("agents")]
        assert [link["tags"] for link in copy.get("links")] == [["web", "db", "all"], ["db"]]
