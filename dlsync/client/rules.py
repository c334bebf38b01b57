"""The family ``rules``: export and import are documented, all else observed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.client.connection import YAML
from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import made_of, record_of, records_of
from dlsync.client.response import Response, Versioned, etag_of
from dlsync.errors import AlreadyExists, BadAnswer, NotFound, Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.record import OnBad, Record
    from dlsync.model import Json

_FAMILY = "rules"
# the fields of a JSON view that an export does not have
_RULE_VIEW = frozenset({"id", "name", "mute", "state", "sources"})
_CRITERION_VIEW = frozenset({"id", "rule", "data_type", "state", "scopes", "sources", "triggered_by", "triggered_at"})


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as the list names it; not the whole rule.

    :param id: the server's own; None where it gives none.
    :param mute: as the server has it.
    :param etag: the version of the whole rule, where the server says it in the list; empty elsewhere.
    :param extra: all other fields.
    """

    name: str
    id: Json = None
    mute: Json = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    etag: str = field(default="", compare=False, repr=False)


class Rules(Family):
    """Reads rules."""

    async def list(self, on_bad: OnBad | None = None) -> tuple[RuleEntry, ...]:
        """Return the names of all rules (GET rules, observed).

        :param on_bad: is called for each item that cannot be read; None: that is raised.
        :raises Unsupported: where the server has only the documented operations; sent once a run at most.
        """
        answer = await self._capabilities.attempt("GET rules", lambda: self._get(_FAMILY))
        return tuple(made_of(answer, _entry, on_bad))

    async def export(self, name: str) -> bytes:
        """Return one rule as YAML (GET rules/<name>).

        :raises NotFound: where there is none of that name.
        """
        answer = await self._get(_FAMILY, name, accept=YAML)
        return _export(answer, _view(answer))

    async def read(self, name: str, unless: str = "") -> Versioned[bytes]:
        """Return one rule, as :meth:`export` does, with its version.

        :param name: not an id, which servers take in place of a name.
        :param unless: the ETag of one that is known.
        :raises NotModified: it is still that one.
        """
        answer = await self._get(_FAMILY, name, accept=YAML, unless=unless)
        view = _view(answer)
        if view and str(view.get("id")) == name != view.get("name", name):
            raise NotFound(f"{answer.request}: {name!r} is the id of another rule", request=answer.request)
        return Versioned(_export(answer, view), answer.etag)

    async def criteria(self, name: str) -> tuple[Mapping[str, Json], ...]:
        """Return a rule's criteria as the server sees them (GET rules/<name>/criteria, observed).

        :raises NotFound: where there is no rule of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        answer = await self._capabilities.attempt(
            "GET rules/criteria",
            lambda: self._get(_FAMILY, name, "criteria"),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )
        return tuple(record.rest for record in records_of(answer))


class WritingRules(Rules, WritingFamily):
    """Reads and writes rules."""

    async def put(self, name: str, body: bytes) -> None:
        """Create or replace a rule (PUT rules/<name>), with the POST before it that some servers want.

        :param body: YAML, sent as it is.
        """
        try:
            await self._put(name, body)
        except NotFound as error:
            await self._create_for(name, error)
            await self._put(name, body)

    async def create(self, name: str) -> None:
        """Create an empty rule (POST rules, observed).

        :raises AlreadyExists: where there is one of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt("POST rules", lambda: self._create(_FAMILY, {"name": name}, name, YAML))

    async def mute(self, name: str, *, mute: bool = True) -> None:
        """Silence a rule, or let it speak again (PATCH rules/<name>, observed).

        :raises NotFound: where there is none of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt(
            "PATCH rules",
            lambda: self._send_json("PATCH", {"mute": mute}, _FAMILY, name),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )

    async def delete(self, name: str) -> None:
        """Delete a rule (DELETE rules/<name>, observed).

        :raises NotFound: where there is none of that name.
        :raises Unsupported: where the server has only the documented operations.
        """
        await self._capabilities.attempt(
            "DELETE rules",
            lambda: self._send("DELETE", _FAMILY, name),
            exists=lambda: self._exists(_FAMILY, name, accept=YAML),
        )

    async def _put(self, name: str, body: bytes) -> None:
        await self._send("PUT", _FAMILY, name, body=body, content_type=YAML)

    async def _create_for(self, name: str, refused: NotFound) -> None:
        try:
            await self.create(name)
        except AlreadyExists:
            pass  # somebody else has just made it: the PUT that follows is what counts
        except Unsupported:
            raise refused from None


def _entry(record: Record) -> RuleEntry:
    name, id_, mute = record.text("name"), record.json("id"), record.json("mute")
    return RuleEntry(name, id_, mute, etag=etag_of(record.json("etag")), extra=record.rest)


def _export(answer: Response, view: Mapping[str, Json] | None) -> bytes:
    """Return a rule's export as it came, or a JSON view made one, which as JSON is YAML too."""
    if view is None:
        return answer.body
    document = {field: value for field, value in view.items() if field not in _RULE_VIEW}
    if isinstance(criteria := view.get("criteria"), list):
        document["criteria"] = [_criterion(one) if isinstance(one, dict) else one for one in criteria]
    return json.dumps(document, ensure_ascii=False).encode()


def _view(answer: Response) -> dict[str, Json] | None:
    """Return a rule that came as JSON though YAML was asked for; None for an export."""
    if "json" not in answer.content_type:
        return None
    try:
        return record_of(answer).rest
    except BadAnswer:  # a wrong content type does not make an export another text
        return None


def _criterion(view: Mapping[str, Json]) -> dict[str, Json]:
    """Return a criterion with its ``scopes`` as the ``scope`` that an export has."""
    scopes = view.get("scopes")
    criterion = {field: value for field, value in view.items() if field not in _CRITERION_VIEW}
    if "scope" in view or not isinstance(scopes, list):
        return criterion
    names: dict[str, list[Json]] = {}
    for scope in scopes:
        if isinstance(scope, dict) and isinstance(of := scope.get("type"), str):
            names.setdefault(of, []).append(scope.get("id") or scope.get("name"))
    scope = {of: found[0] if len(found) == 1 else found for of, found in names.items()}
    return {**criterion, "scope": scope} if scope else criterion
