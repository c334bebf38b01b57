"""The family ``rules``: export and import are documented, all else observed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dlsync.client.connection import YAML
from dlsync.client.family import Access_co, Family, Write
from dlsync.client.record import OnBad, Text, json_as, records_of
from dlsync.client.response import Response, Versioned, etag_of, json_of
from dlsync.errors import AlreadyExists, BadAnswer, NotFound, Unsupported
from dlsync.model import Json

# the fields of a JSON view that an export lacks
_RULE_VIEW = frozenset({"id", "name", "mute", "state", "sources"})
_CRITERION_VIEW = frozenset({"id", "rule", "data_type", "state", "scopes", "sources", "triggered_by", "triggered_at"})


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as the list names it; not the whole rule.

    :param id: the server's id; None if it gives none.
    :param mute: as the server has it.
    :param etag: the version of the whole rule, if the server's list has it; else empty.
    """

    name: Text
    id: Any = None
    mute: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    etag: Any = field(default="", compare=False, repr=False)


class Rules(Family[Access_co]):
    """Reads and writes rules."""

    async def list(self, on_bad: OnBad | None = None) -> tuple[RuleEntry, ...]:
        """Return the names of all rules (GET rules, observed)."""
        async with self._optional("GET rules"):
            response = await self._request("GET", "rules")
        return tuple(replace(rule, etag=etag_of(rule.etag)) for rule in records_of(response, RuleEntry, on_bad))

    async def export(self, name: str) -> bytes:
        """Return one rule as YAML (GET rules/<name>)."""
        response = await self._request("GET", "rules", name, accept=YAML)
        return _export(response, _view(response))

    async def read(self, name: str, if_none_match: str = "") -> Versioned[bytes]:
        """Return one rule, as :meth:`export` does, with its version.

        :param name: not an id, which servers take in place of a name.
        """
        response = await self._request("GET", "rules", name, accept=YAML, if_none_match=if_none_match)
        view = _view(response)
        if view and str(view.get("id")) == name != view.get("name", name):
            raise NotFound(f"{response.request}: {name!r} is the id of another rule", request=response.request)
        return Versioned(_export(response, view), response.etag)

    async def criteria(self, name: str) -> tuple[Mapping[str, Json], ...]:
        """Return a rule's criteria as the server sees them (GET rules/<name>/criteria, observed).

        :raises NotFound: there is no rule of that name.
        """
        async with self._optional("GET rules/criteria", lambda: self._has(name)):
            return json_as(await self._request("GET", "rules", name, "criteria"), tuple[dict[str, Any], ...])

    async def _has(self, name: str) -> bool:
        return await self._exists("rules", name, accept=YAML)

    async def put(self: "Rules[Write]", name: str, body: bytes) -> None:
        """Create or replace a rule by YAML (PUT rules/<name>), after the POST that some servers require."""
        try:
            await self._request("PUT", "rules", name, body=body, content_type=YAML)
        except NotFound as error:
            try:
                await self.create(name)
            except AlreadyExists:
                pass  # another has just made it: the PUT that follows is what counts
            except Unsupported:
                raise error from None
            await self._request("PUT", "rules", name, body=body, content_type=YAML)

    async def create(self: "Rules[Write]", name: str) -> None:
        """Create an empty rule (POST rules, observed)."""
        async with self._optional("POST rules"):
            await self._create("rules", {"name": name}, name, accept=YAML)

    async def mute(self: "Rules[Write]", name: str, *, mute: bool = True) -> None:
        """Mute or unmute a rule (PATCH rules/<name>, observed)."""
        async with self._optional("PATCH rules", lambda: self._has(name)):
            await self._request("PATCH", "rules", name, payload={"mute": mute})

    async def delete(self: "Rules[Write]", name: str) -> None:
        """Delete a rule (DELETE rules/<name>, observed)."""
        async with self._optional("DELETE rules", lambda: self._has(name)):
            await self._request("DELETE", "rules", name)


def _export(response: Response, view: Mapping[str, Json] | None) -> bytes:
    """Return a rule's export unchanged, or one made of its JSON view; JSON is YAML too."""
    if view is None:
        return response.body
    document = {field: value for field, value in view.items() if field not in _RULE_VIEW}
    if isinstance(criteria := view.get("criteria"), list):
        document["criteria"] = [_criterion(item) if isinstance(item, dict) else item for item in criteria]
    return json.dumps(document, ensure_ascii=False).encode()


def _view(response: Response) -> dict[str, Json] | None:
    """Return a rule that the server sent as JSON although the request asked for YAML; None for an export."""
    if "json" not in response.content_type:
        return None
    try:
        view = json_of(response)
    except BadAnswer:  # an export with a wrong content type
        return None
    return view if isinstance(view, dict) else None


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
