"""Alert rules: documents, with ``mute`` kept beside the text and the state computed when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlsync.server import bodies, decoration, documents
from dlsync.server.operation import ACCOUNT, Call, Operation, answer, etag_of, fault, json_text
from dlsync.server.rule_states import RuleStates
from dlsync.server.rule_view import rule_of, view_of
from dlsync.server.store import new_id

if TYPE_CHECKING:
    from starlette.responses import Response

    from dlsync.server.rule_view import AgentNames, Document
    from dlsync.server.store import Row

KIND = "rule"
EMPTY = b"{}\n"
ONE = f"{ACCOUNT}/rules/{{name}}"
_LIST = """SELECT id, name, mute, text, view ->> '$.title' AS title FROM documents
           WHERE account = ? AND kind = ? ORDER BY name"""


def list_all(call: Call) -> Response:
    """GET ``rules``: id, name, title and mute, and the ETag of the export, so that a client need not ask for each."""
    return answer([{**_summary(row), "etag": etag_of(row["text"])} for row in call.rows(_LIST, KIND)])


def create(call: Call) -> Response:
    """POST ``rules``: a whole rule as JSON, or a form of its texts; without ``name``, ``title`` is the name."""
    sent = bodies.fields(call)
    name = bodies.addressable(bodies.required_name(sent if "name" in sent else {"name": sent.get("title", "")}))
    for field in ("criteria", "actions"):
        if isinstance(sent.get(field), str):
            raise fault(422, f"{field}: expected a list; send the rule as JSON")
    existing = call.store.row(
        "SELECT id FROM documents WHERE account = ? AND kind = ? AND name = ?", call.account, KIND, name
    )
    if existing and sent.keys() == {"name"} and bodies.is_form(call):  # dlcli pushes so before each PUT
        return answer(_summary(_row(call, existing["id"])))
    if existing:
        raise fault(422, "a rule called {} exists already", name)
    rule = rule_of(sent, RuleStates(call).agent_names)
    if bodies.is_form(call):  # which can hold no lists, and clients index both
        rule = {"title": name, "criteria": [], "actions": [], **rule}
    text = decoration.dump(rule) if rule else EMPTY
    identifier = new_id()
    documents.save(call, KIND, identifier, name, text=text, document=documents.parsed(text))
    _set_mute(call, identifier, sent)
    return answer(_summary(_row(call, identifier)), 201)


def get(call: Call) -> Response:
    """GET ``rules/<name>``: the export as YAML, or JSON with the state."""
    row = documents.found(call, KIND)
    if documents.preferred(call, documents.JSON) == documents.YAML:
        return documents.as_yaml(row)
    return documents.as_json(json_text(_view(call, row)))


def put(call: Call) -> Response:
    """PUT ``rules/<name>``: YAML, or the JSON that a GET answers."""
    row = documents.find(call, KIND)
    if row is None and call.settings.post_before_put:
        raise documents.missing(KIND, call.name)
    text = documents.text_of(call)
    sent, agents = documents.parsed(text), RuleStates(call).agent_names
    identifier, name = documents.identity(row, call)
    rule = rule_of(sent, agents)
    if documents.is_json(text) and rule != {field: value for field, value in sent.items() if field != "mute"}:
        if sent.get("name", name) != name:
            raise fault(422, "name: this rule is called {}, and a PUT does not rename it", name)
        text = row["text"] if row is not None and rule == _rule_shown(row, agents) else decoration.dump(rule)
    documents.save(call, KIND, identifier, name, text=text, document=rule)
    _set_mute(call, identifier, sent)
    return answer({"id": identifier, "name": name})


def _rule_shown(row: Row, agents: AgentNames) -> Document:
    """Return the rule that its JSON stands for, which spells out what the YAML may leave out."""
    return rule_of(view_of(documents.view(row), row["id"], agents), agents)


def patch(call: Call) -> Response:
    """PATCH ``rules/<name>``: its mute."""
    sent = bodies.fields(call)
    bodies.refuse_other_fields(sent, "mute")
    row = documents.found(call, KIND)
    mute = bodies.boolean(sent.get("mute"), "mute")
    _set_mute(call, row["id"], {"mute": mute})
    rule = documents.parsed(row["text"])
    if rule.get("mute", mute) != mute:  # the export must not mute it again
        rule = {**rule, "mute": mute}
        documents.save(call, KIND, row["id"], row["name"], text=decoration.dump(rule), document=rule)
    return answer(_summary(_row(call, row["id"])))


def delete(call: Call) -> Response:
    """DELETE ``rules/<name>``."""
    return documents.delete(call, KIND)


def criteria(call: Call) -> Response:
    """GET ``rules/<name>/criteria``: each with its state."""
    shown = _view(call, documents.found(call, KIND)).get("criteria")
    return answer([item for item in shown if isinstance(item, dict)] if isinstance(shown, list) else [])


def _view(call: Call, row: Row) -> dict[str, Any]:
    states = RuleStates(call)
    view = view_of(documents.view(row), row["id"], states.agent_names)
    return {**states.added_to(view), "name": row["name"], "mute": bool(row["mute"])}


def _row(call: Call, identifier: str) -> Row:
    missing = documents.missing(KIND, identifier)
    return call.row(
        missing, "SELECT *, view ->> '$.title' AS title FROM documents WHERE account = ? AND id = ?", identifier
    )


def _summary(row: Row) -> dict[str, object]:
    title = row["name"] if row["title"] is None else str(row["title"])
    return {"id": row["id"], "name": row["name"], "title": title, "mute": bool(row["mute"])}


def _set_mute(call: Call, identifier: str, sent: dict[str, Any]) -> None:
    if "mute" in sent:
        mute = bodies.boolean(sent["mute"], "mute")
        call.store.write("UPDATE documents SET mute = ? WHERE id = ?", mute, identifier)


OPERATIONS = (
    Operation("GET", f"{ACCOUNT}/rules", list_all, documented=False),
    Operation("POST", f"{ACCOUNT}/rules", create, documented=False),
    Operation("GET", ONE, get),
    Operation("PUT", ONE, put),
    Operation("PATCH", ONE, patch, documented=False),
    Operation("DELETE", ONE, delete, documented=False),
    Operation("GET", f"{ONE}/criteria", criteria, documented=False),
)
