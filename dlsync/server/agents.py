"""Agents: their reports, their tags, and whether they are online."""

from contextlib import suppress
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from starlette.responses import Response

from dlsync.server import bodies, plugins, quotas
from dlsync.server.operation import ACCOUNT, Call, Refusal, answer, no_content, operation, query_value, require
from dlsync.server.prometheus import Target
from dlsync.server.store import Row
from dlsync.server.tags import EVERY
from dlsync.server.times import timestamp

Agent = dict[str, Any]  # the fields of the API, and those of _HIDDEN
AGENT = f"{ACCOUNT}/agents/{{id}}"
TAGS = f"{AGENT}/tags"
MISSING = "no agent has the id {}"
SILENCE = timedelta(seconds=60)
REGISTERED, DEREGISTERED = "REGISTERED", "DEREGISTERED"
# by the field of a report: its name in responses, and its default
_TEXTS = {
    "name": ("name", ""),
    "hostname": ("hostname", ""),
    "mac": ("mac", ""),
    "os_name": ("osName", ""),
    "mode": ("mode", "DEFAULT"),
    "container_name": ("container_name", ""),
}
_HIDDEN = ("demo", "expired", "measured_as")
_SERVER_FIELDS = ("created", "modified", "heartbeat", "presence_state", "org", *_HIDDEN)
_DETAILS = ("interfaces", "running_plugin_names", "process_summary")
_DOCUMENTED = (
    *("id", "name", "hostname", "mac", "created", "modified", "tags", "osName", "heartbeat", "presence_state"),
    *("status", "container_name", "mode", *_DETAILS),
)


@operation("GET", f"{ACCOUNT}/agents", measured=True)
async def list_all(call: Call) -> Response:
    """GET ``agents``, or ``agents?mac=<address>``: without details."""
    mac = None if call.settings.documented_only else query_value(call.query, "mac")
    views = [_view(call, agent) for agent in await tagged(call) if mac is None or agent["mac"].lower() == mac.lower()]
    return answer(
        [{key: value for key, value in view.items() if key not in {*_DETAILS, "processes"}} for view in views]
    )


@operation("GET", AGENT, measured=True)
async def get(call: Call) -> Response:
    return await _shown(call)


@operation("DELETE", AGENT)
async def delete(call: Call) -> Response:
    require(await call.store.delete("agents", account=call.account, id=call.id), MISSING, call.id)
    return no_content()


@operation("POST", f"{AGENT}/ping", documented=False, audited=False)
async def ping(call: Call) -> Response:
    """POST ``agents/<id>/ping``: store a report, and register an unknown agent."""
    return await _report(call, REGISTERED)


@operation("POST", f"{AGENT}/register", documented=False, audited=False)
async def register(call: Call) -> Response:
    return await _report(call, REGISTERED)


@operation("POST", f"{AGENT}/deregister", documented=False, audited=False)
async def deregister(call: Call) -> Response:
    """POST ``agents/<id>/deregister``: set the agent offline until it registers or pings again."""
    await find(call, call.id)
    return await _report(call, DEREGISTERED)


@operation("PUT", TAGS, documented=False)
async def set_tags(call: Call) -> Response:
    """PUT ``agents/<id>/tags``: replace the agent's tags, except ``all``."""
    await find(call, call.id)
    return await _save_tags(call, [EVERY, *_sent_tags(call)])


@operation("DELETE", TAGS, documented=False)
async def remove_tags(call: Call) -> Response:
    """DELETE ``agents/<id>/tags``: remove the tags in the body."""
    agent, removed = await find(call, call.id), _sent_tags(call)
    if EVERY in removed:
        raise Refusal(422, "the tag {} belongs to every agent and cannot be removed", EVERY)
    return await _save_tags(call, [tag for tag in agent["tags"] if tag not in removed])


@operation("GET", f"{AGENT}/plugins", documented=False, measured=True)
async def list_plugins(call: Call) -> Response:
    """GET ``agents/<id>/plugins``: the plugins that links deploy to the agent's tags."""
    return await plugins.linked_to(call, (await find(call, call.id))["tags"])


async def find(call: Call, identifier: str) -> Agent:
    """Return the current state of an agent; raise 404 for an unknown one."""
    row, target = await call.store.row("agents", account=call.account, id=identifier), call.targets.get(identifier)
    if row is None and target:
        return _unregistered(target)
    call.require_targets(row)
    return _current(call, require(row, MISSING, identifier))


async def tagged(call: Call, tag: str = EVERY) -> list[Agent]:
    """Return the current state of the agents with a tag."""
    rows = await call.store.rows("agents", order="id", account=call.account)
    agents = [_current(call, row) for row in rows]
    registered = {agent["measured_as"] for agent in agents}
    agents += [_unregistered(target) for name, target in call.targets.items() if name not in registered]
    return [agent for agent in sorted(agents, key=itemgetter("id")) if tag in agent["tags"]]


def _unregistered(target: Target) -> Agent:
    """Return an agent that only the metrics server knows."""
    names = dict.fromkeys(("id", "name", "hostname", "measured_as"), target.id)
    times = dict.fromkeys(("created", "modified", "heartbeat"), timestamp(target.seen))
    return {**dict(_TEXTS.values()), **names, **times, "status": REGISTERED, "tags": [EVERY, *target.tags]}


def _current(call: Call, row: Row) -> Agent:
    """Return an agent with its tags, also those of the metrics server, and its last heartbeat.

    The metrics server knows an agent by its id or name. Living agents of the demo have a heartbeat now.
    """
    target = call.targets.get(row["id"]) or call.targets.get(row["document"]["name"])
    tags = list(dict.fromkeys([*row["tags"], *(target.tags if target else ())]))
    agent = {**row["document"], "tags": tags, "expired": row["expired"], "measured_as": target.id if target else ""}
    if not call.settings.demo:
        agent.pop("demo", None)  # of an earlier demo, which no longer sends heartbeats
    elif agent.get("demo") == "alive" and agent["status"] != DEREGISTERED:
        agent["modified"] = agent["heartbeat"] = timestamp(call.settings.now())
    return agent


async def _report(call: Call, status: str) -> Response:
    """Store the report of an agent, and answer with the agent."""
    now, row = timestamp(call.settings.now()), await call.store.row("agents", account=call.account, id=call.id)
    before = {**row["document"], "tags": row["tags"]} if row else {"id": call.id, "created": now, "tags": [EVERY]}
    fields = bodies.fields(call) if call.body else {}
    agent = {**before, "status": status, **_reported(fields, before), "modified": now, "heartbeat": now}
    if status == DEREGISTERED:  # overrides a reported status
        agent["status"] = status
    agent["name"] = agent["name"] or agent["hostname"] or call.id
    document = {key: value for key, value in agent.items() if key != "tags"}
    await quotas.insert(call, "agents", id=call.id, document=document)
    await call.store.update("agents", {"document": document, "tags": agent["tags"]}, account=call.account, id=call.id)
    return await _shown(call)


def _reported(fields: dict[str, object], before: Agent) -> Agent:
    """Return the fields that a report changes; missing fields stay unchanged."""
    for name in _SERVER_FIELDS:
        if name in fields:
            raise Refusal(422, f"{name}: is set by the server")
    if fields.get("id", before["id"]) != before["id"]:
        raise Refusal(422, "id: expected the id of the path, not {}", fields["id"])
    reported = {key: value for key, value in fields.items() if key not in _TEXTS and key != "tag_names"}
    for key, (field, default) in _TEXTS.items():
        value = fields.get(key, fields.get(field, before.get(field, default)))
        reported[field] = default if value is None else bodies.text(value, key)
    if "tag_names" in fields or "tags" in fields:
        reported["tags"] = list(dict.fromkeys([EVERY, *_names(fields, "tag_names", "tags")]))
    if "status" in fields:
        reported["status"] = bodies.text(fields["status"], "status")
    lists = {key: _list(fields[key], key) for key in (*_DETAILS, "labels") if key in fields}
    for label in lists.get("labels", ()):
        if not isinstance(label, dict) or not {"key", "value"} <= label.keys():
            raise Refusal(422, "labels: expected objects with key and value, not {}", label)
    for plugin in lists.get("running_plugin_names", ()):
        bodies.text(plugin, "running_plugin_names")
    return {**reported, **lists}


def _list(value: object, name: str) -> list[object]:
    """Return a list; in a form, it is JSON, or a text for each item."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            value = bodies.json_value(value)
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise Refusal(422, f"{name}: expected a list, not {{}}", value)
    return items


def _sent_tags(call: Call) -> list[str]:
    fields = bodies.fields(call)
    if fields.pop("finger", call.id) != call.id:  # an agent repeats its id in the body
        raise Refusal(422, "finger: expected the id of the path")
    bodies.refuse_other_fields(fields, "names", "tags")
    if not fields:
        raise Refusal(422, "names: expected a list of tags")
    return _names(fields, "names", "tags")


def _names(fields: dict[str, object], *keys: str) -> list[str]:
    return [name for key in keys if key in fields for name in bodies.names_list(fields[key], key)]


async def _save_tags(call: Call, tags: list[str]) -> Response:
    await call.store.update("agents", {"tags": list(dict.fromkeys(tags))}, account=call.account, id=call.id)
    return await _shown(call)


async def _shown(call: Call) -> Response:
    return answer({**_view(call, await find(call, call.id)), "org": call.org})


def _view(call: Call, agent: Agent) -> dict[str, object]:
    silent = call.settings.now() - datetime.fromisoformat(agent["heartbeat"]) > SILENCE
    state = "offline" if silent or agent["status"] == DEREGISTERED else "online"
    labels: Agent = {"labels": []} if "container_id" in agent else {}
    view = {**{key: [] for key in _DETAILS}, **labels, **agent, "presence_state": state}
    hidden = view.keys() - _DOCUMENTED if call.settings.documented_only else _HIDDEN
    return {key: value for key, value in view.items() if key not in hidden}
