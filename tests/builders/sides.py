"""A document, two edits of it that do not touch each other, and both of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from hypothesis import strategies as st

from tests.builders.trees import dashboard, resource, widget

if TYPE_CHECKING:
    from dlsync.model import Json, Resource

Whose = Literal["repo", "drift", "nobody"]
WHOSE: st.SearchStrategy[Whose] = st.sampled_from(["repo", "drift", "nobody"])


class Sides(NamedTuple):
    """A dashboard as it was applied, as the files and as the server have it since, and as it is with both edits.

    :param repo: what the files have moved, ``drift`` what the server has: the names of widgets and fields.
    """

    base: Resource
    desired: Resource
    live: Resource
    both: Resource
    repo: frozenset[str]
    drift: frozenset[str]


class _Draft:
    """One version, as it is being written."""

    def __init__(self, titles: list[str]) -> None:
        self.fields: dict[str, Json] = {"period": 60, "title": "Ours"}
        self.widgets: dict[str, dict[str, Json]] = {
            title: widget(title, row=row) for row, title in enumerate(titles, 1)
        }
        self.moved = False

    def edit(self, title: str, how: str, field: str) -> None:
        if how == "remove":
            del self.widgets[title]
        elif how == "series":
            self.widgets[title]["series"] = [{"metric": f"{title}.load", "scope": {"tag": "db"}}]
        else:
            self.widgets[title][field] = f"of {how}"

    def whole(self) -> Resource:
        widgets = [*self.widgets.values()]
        return resource("dashboard/web", dashboard(*(widgets[::-1] if self.moved else widgets), **self.fields))


@st.composite
def sides(draw: st.DrawFn) -> Sides:
    titles = [f"widget {number}" for number in range(draw(st.integers(0, 4)))]
    names = ("base", "repo", "drift", "both")
    drafts = {name: _Draft(titles) for name in names}
    touched: dict[str, set[str]] = {"repo": set(), "drift": set(), "nobody": set()}

    def versions(whose: Whose, what: str) -> list[_Draft]:
        touched[whose].add(what)
        return [] if whose == "nobody" else [drafts[whose], drafts["both"]]

    for title in titles:
        for field in ("color", "filter"):  # two fields of one widget may be edited by two
            for one in versions(draw(WHOSE), title):
                one.edit(title, "edit", field)
        how = draw(st.sampled_from(["series", "remove"]))
        whose = draw(WHOSE)
        if how == "series" or not any(title in touched[other] for other in ("repo", "drift")):
            for one in versions(whose, title):
                one.edit(title, how, "")
    for field in ("period", "title"):
        for one in versions(draw(WHOSE), field):
            one.fields[field] = 7 if field == "period" else "Edited"
    for one in versions(draw(WHOSE), "order") if len(titles) > 1 else ():
        one.moved = True
    if draw(st.booleans()):
        for one in versions("repo", "new"):
            one.widgets["new"] = widget("new", row=8)
    if draw(st.booleans()):
        for one in versions("drift", "by hand"):
            one.widgets = {"by hand": widget("by hand", row=9), **one.widgets}
    base, desired, live, both = (drafts[name].whole() for name in names)
    return Sides(base, desired, live, both, frozenset(touched["repo"]), frozenset(touched["drift"]))
