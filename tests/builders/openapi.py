"""Describe the server as an OpenAPI 3.1 document, from its routes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dlsync.server.app import BASE, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.server.operation import Operation

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
SECONDS: Schema = {"type": "integer", "minimum": 1, "maximum": 10**12 - 1}
TIME: Schema = {"type": "string", "format": "date-time"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
ANY: Schema = {}
FREE: Schema = {"type": "object"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_PATH_NAMES = ("org", "account", "name", "id")
_QUERY = {"source": TEXT, "tag": TEXT}
_SPAN = dict.fromkeys(("resolution", "period", "period[duration]", "period[end]"), SECONDS)


def _object(optional: tuple[str, ...] = (), /, **fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": [name for name in fields if name not in optional]}


def _texts(names: str) -> dict[str, Schema]:
    return dict.fromkeys(names.split(), TEXT)


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_DATA_TYPE: Schema = {"enum": ["number", "nagios", "boolean"]}
_PLUGIN_TEXTS = _texts("name extension description params shellArgs type pack format content")
_PLUGIN = {**_texts("id name extension description hash encoding params org shellArgs type pack"), "interval": SECONDS}
_RULE = {**_texts("id name title"), "mute": BOOLEAN}
_STATE = {
    **_texts("id rule"),
    "data_type": _DATA_TYPE,
    "state": {"enum": ["hit", "unknown", "clear"]},
    "scopes": _list(_object(**_texts("id name"), type={"enum": ["tag", "agent"]})),
    "sources": FREE,
    "triggered_by": TEXTS,
    "triggered_at": {"anyOf": [TIME, {"type": "null"}]},
}
_RULE_STATE = {"enum": ["triggered", "unknown", "clear"]}
_STATED_RULE = {**_texts("id name"), "mute": BOOLEAN, "state": _RULE_STATE, "criteria": {}}
_AGENT = {
    **_texts("id name hostname mac osName status container_name mode"),
    **dict.fromkeys(("created", "modified", "heartbeat"), TIME),
    "tags": TEXTS,
    "presence_state": {"enum": ["online", "offline"]},
}
_DETAILS = {"interfaces": _list(ANY), "running_plugin_names": TEXTS, "process_summary": _list(ANY)}
_LABELS = {"labels": _list(_object(key=ANY, value=ANY))}
_REPORT = {
    **dict.fromkeys(["name", "hostname", "mac", "os_name", "mode", "container_name"], _TEXT_OR_NULL),
    **_texts("tag_names status interpreter container_id parent fingerprint"),
    **dict.fromkeys(("interfaces", "processes"), _list(ANY)),
    **_LABELS,
}

SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=TEXT),
    "Named": _object(id=TEXT, name=TEXT),
    "NewNamed": _object(name=TEXT),
    "Account": _object(agent_keys=TEXTS, id=TEXT, name=TEXT),
    "AgentListed": _object(tuple(_LABELS), **_AGENT, **_LABELS),
    "Agent": _object(tuple(_LABELS), **_AGENT, **_DETAILS, **_LABELS, org=TEXT),
    "Report": _object(tuple(_REPORT), **_REPORT),
    "NewTags": _object(("names", "tags"), names=TEXTS, tags=TEXTS),
    "Annotation": _object(**_texts("id stream name description"), start_time=TIME),
    "NewAnnotation": _object(("description",), name=TEXT, description=_TEXT_OR_NULL),
    "AnnotationChange": _object(("name", "description"), name=TEXT, description=_TEXT_OR_NULL),
    "Link": _object(org=TEXT, plugin=TEXT, id=TEXT, tags=TEXTS),
    "NewLink": _object(plugin=TEXT, tags=TEXTS),
    "Metric": _object(**_texts("id name collector_id collector_type"), data_type=_DATA_TYPE),
    "Point": _object(
        ("type", "avg", "all"),  # with a resolution
        uom=TEXT,
        value=NUMBER,
        time=WHOLE,
        type={"enum": ["number", "boolean"]},
        avg=NUMBER,
        all=BOOLEAN,
    ),
    "MetricStatus": _object(status={"enum": ["expired", "valid"]}),
    "Count": WHOLE,
    "Series": _object(
        **_texts("id uom"),
        origin=TEXTS,
        metric=_ref("Metric"),
        source=_ref("Named"),
        points=_list(_ref("Point")),
    ),
    "PluginListed": {"anyOf": [_object(**_PLUGIN, etag=TEXT), _ref("Link")]},  # as observed, and as documented
    "Plugin": _object(**_PLUGIN, content=TEXT),
    "NewPlugin": _object(**_texts("name extension content")),
    "PluginChange": _object(
        ("encoding", "interval", *_PLUGIN_TEXTS), encoding={"const": "base64"}, interval=SECONDS, **_PLUGIN_TEXTS
    ),
    "NewRule": _object(("title", "description"), **_texts("name title description")),
    "Rule": _object(("id", "name", "mute", "state", "criteria"), **_STATED_RULE),
    "Criterion": _object(**_STATE),
    "RuleListed": _object(**_RULE, etag=TEXT),
    "RuleSummary": _object(**_RULE),
    "RuleChange": _object(mute=BOOLEAN),
    "Tag": _object(name=TEXT),
    "Document": FREE,
    "Stream": TEXT,
}


class Shape(NamedTuple):
    """The request and response of an operation: names of :data:`SCHEMAS`, ``X[]`` for a list, empty for none."""

    gives: str = ""
    takes: str = ""
    status: int = 200
    query: Mapping[str, Schema] = MappingProxyType({})


_DELETED = Shape(status=204)
SHAPES = {
    "accounts.list_orgs": Shape("Named[]"),
    "accounts.list_accounts": Shape("Account[]"),
    "accounts.get_account": Shape("Account"),
    "accounts.create_account": Shape("Account", "NewNamed", 201),
    "accounts.delete_account": _DELETED,
    "agents.list_all": Shape("AgentListed[]", query={"mac": TEXT}),
    "agents.get": Shape("Agent"),
    "agents.delete": _DELETED,
    "agents.ping": Shape("Agent", "Report"),
    "agents.register": Shape("Agent", "Report"),
    "agents.deregister": Shape("Agent", "Report"),
    "agents.list_plugins": Shape("PluginListed[]"),
    "agents.set_tags": Shape("Agent", "NewTags"),
    "agents.remove_tags": Shape("Agent", "NewTags"),
    "annotations.list_streams": Shape("Stream[]"),
    "annotations.get_stream": Shape("Annotation[]"),
    "annotations.delete_stream": _DELETED,
    "annotations.create": Shape("Annotation", "NewAnnotation"),
    "annotations.get": Shape("Annotation"),
    "annotations.update": Shape("Annotation", "AnnotationChange"),
    "annotations.delete": _DELETED,
    "dashboards.list_all": Shape("Document[]"),
    "dashboards.get": Shape("Document"),
    "dashboards.put": Shape("Named", "Document"),
    "dashboards.delete": _DELETED,
    "links.list_all": Shape("Link[]"),
    "links.create": Shape("Link", "NewLink", 201),
    "links.get": Shape("Link"),
    "links.delete": _DELETED,
    "metrics.list_all": Shape("Metric[]", query=_QUERY),
    "metrics.series": Shape("Series[]", query=_QUERY | _SPAN),
    "metrics.change_status": Shape("Count", "MetricStatus", query=_QUERY),
    "metrics.change_status_of_all": Shape("Count", "MetricStatus", query=_QUERY),
    "plugins.list_all": Shape("PluginListed[]"),
    "plugins.create": Shape("Plugin", "NewPlugin"),
    "plugins.get": Shape("Plugin"),
    "plugins.update": Shape("Plugin", "PluginChange"),
    "plugins.delete": _DELETED,
    "rules.list_all": Shape("RuleListed[]"),
    "rules.create": Shape("RuleSummary", "NewRule", 201),
    "rules.get": Shape("Rule"),
    "rules.put": Shape("Named", "Document"),
    "rules.patch": Shape("RuleSummary", "RuleChange"),
    "rules.delete": _DELETED,
    "rules.criteria": Shape("Criterion[]"),
    "tags.list_all": Shape("Tag[]"),
    "tags.delete": _DELETED,
}


def description() -> dict[str, Any]:
    """Return the OpenAPI document of a server with all operations; ``x-documented`` is false for observed ones."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = paths.setdefault(BASE + operation.path, {"parameters": _path_parameters(operation.path)})
        path[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The Dataloop API as dlsync serves it", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def name_of(operation: Operation) -> str:
    """Return the unique name of an operation: its family and function."""
    return f"{operation.handle.__module__.rpartition('.')[2]}.{operation.handle.__name__}"


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_NAMES
        if f"{{{name}}}" in path
    ]


def _operation(operation: Operation) -> dict[str, Any]:
    name = name_of(operation)
    shape = SHAPES[name]
    found: dict[str, Any] = {
        "operationId": name,
        "tags": [name.partition(".")[0]],
        "summary": operation.handle.__doc__ or f"{operation.method} {operation.path}",
        "x-documented": operation.documented,
        "responses": _responses(shape),
    }
    if shape.query:
        found["parameters"] = [{"name": key, "in": "query", "schema": schema} for key, schema in shape.query.items()]
    if shape.takes:
        found["requestBody"] = {"required": True, "content": _content(shape.takes, form=shape.takes != "Document")}
    return found


def _responses(shape: Shape) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "done"}
    if shape.gives:
        done["content"] = _content(shape.gives)
    refused = {"description": "refused, with a reason", "content": _content("Error")}
    return {str(shape.status): done, "4XX": refused}


def _content(name: str, *, form: bool = False) -> dict[str, Any]:
    item = name.removesuffix("[]")
    schema = _ref(item) if item == name else _list(_ref(item))
    kinds = {"Document": ["application/yaml"], "Rule": ["application/json", "application/yaml"]}.get(
        name, ["application/json"]
    )
    return {kind: {"schema": schema} for kind in [*kinds, *["application/x-www-form-urlencoded"] * form]}
