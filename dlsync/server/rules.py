"""Alert rules: documents with ``mute`` in a column of its own; each request computes the states."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import Response

from dlsync.server import agents, bodies, documents
from dlsync.server.documents import Document
from dlsync.server.operation import ACCOUNT, Call, Deferred, Refusal, answer, etag_of, json_text, operation, row_by_name
from dlsync.server.rule_view import Agents, rule_of, view_of, with_states
from dlsync.server.store import Row

KIND = "rule"
EMPTY = b"{}\n"
RULE = f"{ACCOUNT}/rules/{{name}}"


@operation("GET", f"{ACCOUNT}/rules", documented=False)
async def list_all(call: Call) -> Response:
    """GET ``rules``: id, name, title, mute, and the ETag of the export, so that clients need not request each."""
    rows = await call.store.rows("documents", order="name", account=call.account, kind=KIND)
    return answer([{**_summary(row), "etag": etag_of(row["text"])} for row in rows])


@operation("POST", f"{ACCOUNT}/rules", documented=False, measured=True)
async def create(call: Call) -> Response:
    """POST ``rules``: a complete rule as JSON, or its texts as a form; ``title`` is the default for ``name``."""
    sent = bodies.fields(call)
    name = bodies.addressable(bodies.required_name(sent if "name" in sent else {"name": sent.get("title", "")}))
    for field in ("criteria", "actions"):
        if isinstance(sent.get(field), str):
            raise Refusal(422, f"{field}: expected a list; send the rule as JSON")
    existing = await call.store.row("documents", account=call.account, kind=KIND, name=name)
    if existing and sent.keys() == {"name"} and bodies.is_form(call):  # as dlcli does before each PUT
        return answer(_summary(existing))
    if existing:
        raise Refusal(422, "a rule called {} exists already", name)
    rule = rule_of(sent, await _agents(call))
    if bodies.is_form(call):  # a form cannot hold these lists, which clients expect
        rule = {"title": name, "criteria": [], "actions": [], **rule}
    text = documents.dump(rule) if rule else EMPTY
    row = await documents.new_row(call, KIND, name)
    await documents.save(call, row, text, documents.parsed(text), **_mute(sent))
    (stored,) = await call.store.rows("documents", id=row["id"])
    return answer(_summary(stored), 201)


@operation("GET", RULE, measured=True)
async def get(call: Call) -> Response | Deferred:
    """GET ``rules/<name>``: the stored YAML, or JSON with states."""
    row = await documents.find(call, KIND)
    if documents.preferred(call, documents.JSON) == documents.YAML:
        return documents.representation(row["text"], documents.YAML)
    return await _shown(call, row, lambda rule: documents.representation(json_text(rule), documents.JSON))


@operation("PUT", RULE, measured=True)
async def put(call: Call) -> Response:
    """PUT ``rules/<name>``: YAML, or the JSON of a GET."""
    find = documents.find(call, KIND) if call.settings.post_before_put else row_by_name(call, "documents", kind=KIND)
    row = await find
    text = documents.text_of(call)
    sent, account_agents = documents.parsed(text), await _agents(call)
    rule, name = rule_of(sent, account_agents), row["name"] if row else call.name
    if documents.is_json(text) and rule != {field: value for field, value in sent.items() if field != "mute"}:
        if sent.get("name", name) != name:
            raise Refusal(422, "name: this rule is called {}, and a PUT does not rename it", name)
        # compare with the stored view, which has defaults that the YAML may omit
        stored = row and rule_of(view_of(json.loads(row["view"]), row["id"], account_agents), account_agents)
        text = row["text"] if row and rule == stored else documents.dump(rule)
    return await documents.save(call, row or await documents.new_row(call, KIND, call.name), text, rule, **_mute(sent))


@operation("PATCH", RULE, documented=False)
async def patch(call: Call) -> Response:
    """PATCH ``rules/<name>``: set ``mute``."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "mute")
    row = await documents.find(call, KIND)
    mute = bodies.boolean(sent.get("mute"), "mute")
    await call.store.update("documents", {"mute": mute}, id=row["id"])
    rule = documents.parsed(row["text"])
    if rule.get("mute", mute) != mute:  # so that a PUT of the export does not change it back
        rule = {**rule, "mute": mute}
        await documents.save(call, row, documents.dump(rule), rule)
    return answer(_summary({**row, "mute": mute}))


@operation("DELETE", RULE, documented=False)
async def delete(call: Call) -> Response:
    return await documents.delete(call, KIND)


@operation("GET", f"{RULE}/criteria", documented=False, measured=True)
async def criteria(call: Call) -> Deferred:
    """GET ``rules/<name>/criteria``: with their states."""

    def show(rule: Document) -> Response:
        items = rule.get("criteria")
        return answer([item for item in items if isinstance(item, dict)] if isinstance(items, list) else [])

    return await _shown(call, await documents.find(call, KIND), show)


async def _agents(call: Call) -> Agents:
    return {agent["id"]: agent for agent in await agents.tagged(call)}


async def _shown(call: Call, row: Row, show: Callable[[Document], Response]) -> Deferred:
    """Return a response with the rule's states, which are computed after the transaction."""
    account_agents = await _agents(call)
    view = view_of(json.loads(row["view"]), row["id"], account_agents)
    evaluate = partial(with_states, view, account_agents, int(call.settings.now().timestamp()))

    async def shown() -> Response:
        states = await call.measurements.evaluated(evaluate) if call.measurements else evaluate()
        return show({**states, "name": row["name"], "mute": bool(row["mute"])})

    return shown


def _summary(row: Row) -> dict[str, object]:
    title = json.loads(row["view"]).get("title")
    text = row["name"] if title is None else title if isinstance(title, str) else json_text(title)
    return {"id": row["id"], "name": row["name"], "title": text, "mute": bool(row["mute"])}


def _mute(sent: Document) -> dict[str, Any]:
    return {"mute": bodies.boolean(sent["mute"], "mute")} if "mute" in sent else {}
