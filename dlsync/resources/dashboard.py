"""Dashboards: ``dashboards/**/<name>.yaml``."""

import json
from dataclasses import replace
from functools import partial
from typing import ClassVar

from dlsync.client import ReadClient
from dlsync.diff.list_match import A_SET, ITEM, ListMatching, all_but, identity
from dlsync.diff.merge_key import MergeKey
from dlsync.errors import BadAnswer, Unsupported
from dlsync.model import Address, Item, Json, Path, Place, Resource
from dlsync.resources.document import DocumentKind, as_text, scope
from dlsync.resources.endpoint import Listing

_WIDGET = ("positions", ITEM)
_SERIES = (*_WIDGET, "series", ITEM)
_PLACE = ("row", "col", "size_x", "size_y")
_MOST_CELLS = 500  # of a grid, in each direction; a widget beyond them is not drawn


def _widget(item: dict[str, Json]) -> str:
    """Return ``Load, detailed-chart: base.load on tag web``."""
    series, metrics = item.get("series"), item.get("metrics")
    shown = [
        f"{as_text(one.get('metric'))}{scope(one.get('scope'))}"
        for one in (series if isinstance(series, list) else [])
        if isinstance(one, dict)
    ]
    shown += [as_text(metrics)] if metrics else []
    heading = (
        ", ".join(as_text(item[name]) for name in ("title", "type") if item.get(name)) or "a widget without a title"
    )
    return f"{heading}: {', '.join(shown)}" if shown else heading


class Dashboard(DocumentKind):
    """Widgets on a grid. Widgets are paired by their titles; if titles repeat, by what they show or where they are.

    The grid gives the place of a widget, not the order of the list; two equal widgets are two.
    """

    name = "dashboard"
    folder = "dashboards"
    order = 30
    list_matching: ClassVar = {
        ("annotations",): A_SET,
        ("positions",): ListMatching(
            (
                identity("title", "type", "series", "row", "col"),
                identity("title", "type", "series"),
                identity("title", "row", "col"),
                identity("title", "type"),
                identity("title"),
                identity("series", "type"),
                identity("row", "col"),
            ),
            ordered=False,
            repeats=True,
        ),
        (*_WIDGET, "series"): ListMatching(
            (identity("metric", "scope"), identity("metric")), alike=(all_but("metric"),)
        ),
        (*_SERIES, "scope", "tag"): A_SET,
        (*_SERIES, "scope", "agent"): A_SET,
    }
    overlay_keys: ClassVar = {
        ("positions",): MergeKey(("title",)),
        (*_WIDGET, "series"): MergeKey(("metric",), ("scope",)),
    }
    either = frozenset({(*_SERIES, "scope", "tag"), (*_SERIES, "scope", "agent")})
    item_sentences: ClassVar = {("positions",): _widget}
    closed = frozenset({(*_SERIES, "scope")})

    def item(self, path: Path, value: Json) -> Item:
        item = super().item(path, value)
        if not isinstance(value, dict):
            return item
        title, label = (as_text(value.get(name, "")) for name in ("title", "type"))
        cells = [value.get(name) for name in _PLACE]
        found = [cell for cell in cells if type(cell) is int and 0 < cell <= _MOST_CELLS]
        return replace(item, title=title, label=label, place=Place(*found) if len(found) == len(_PLACE) else None)

    def without_place(self, value: Json) -> Json:
        return {key: one for key, one in value.items() if key not in _PLACE} if isinstance(value, dict) else value

    async def list(self, client: ReadClient, if_none_match: str = "") -> Listing:
        # observed: whole dashboards, or summaries of some
        bad: list[BadAnswer] = []
        try:
            found, etag = await client.dashboards.read_all(if_none_match, bad.append)
        except Unsupported:
            return Listing()
        names: set[str] = set()
        resources: list[Resource] = []
        for one in found:
            names.add(one.name)
            if not one.is_summary:
                document = partial(json.loads, json.dumps(one.document))  # a fifth of the size of the mapping
                resources.append(Resource(Address(self.name, one.name), document, etag=etag))
        etag = "" if bad else etag  # the next plan would not read a list that is known by its version
        faults = tuple(error.message for error in bad)
        return Listing(tuple(resources), frozenset(names), complete=not bad, etag=etag, faults=faults)


KIND = Dashboard()
