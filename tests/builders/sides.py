"""A document, two independent edits of it, and the document with both edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from hypothesis import strategies as st

from tests.builders.trees import dashboard, resource, widget

if TYPE_CHECKING:
    from dlsync.model import Json, Resource

Whose = Literal["repo", "drift", "nobody"]
WHOSE: st.SearchStrategy[Whose] = st.sampled_from(["repo", "drift", "nobody"])


class Sides(NamedTuple):
    """A dashboard as it was applied, as in the files, as on the server, and with both edits.

    :param repo: the widgets and fields that the files changed.
    :param drift: the widgets and fields that the server changed.
    """

    base: Resource
    desired: Resource
    live: Resource
    both: Resource
    repo: frozenset[str]
    drift: frozenset[str]


class _Draft:
    """A version of the dashboard, which edits change."""

    def __init__(self, titles: list[str]) -> None:
        self.fields: dict[str, Json] = {"period": 60, "title": "Ours"}
        self.widgets: dict[str, dict[str, Json]] = {
            title: widget(title, row=row) for row, title in enumerate(titles, 1)
        }

    def edit(self, title: str, how: str, field: str) -> None:
        if how == "remove":
            del self.widgets[title]
        elif how == "series":
            self.widgets[title]["series"] = [{"metric": f"{title}.load", "scope": {"tag": "db"}}]
        else:
            self.widgets[title][field] = f"of {how}"

    def whole(self) -> Resource:
        return resource("dashboard/web", dashboard(*self.widgets.values(), **self.fields))


class _Drawing:
    """Draw edits, and make each in the version of its side and in the version with both."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.titles = [f"widget {number}" for number in range(draw(st.integers(0, 4)))]
        self.drafts = {name: _Draft(self.titles) for name in ("base", "repo", "drift", "both")}
        self.touched: dict[str, set[str]] = {"repo": set(), "drift": set(), "nobody": set()}

    def versions(self, what: str, whose: Whose | None = None) -> list[_Draft]:
        """Return the versions in which to edit something."""
        chosen: str = whose or self.draw(WHOSE)
        self.touched[chosen].add(what)
        return [] if chosen == "nobody" else [self.drafts[chosen], self.drafts["both"]]

    def widget(self, title: str) -> None:
        for field in ("color", "filter"):  # both sides may edit different fields of a widget
            for one in self.versions(title):
                one.edit(title, "edit", field)
        is_edited = any(title in self.touched[whose] for whose in ("repo", "drift"))
        how = self.draw(st.sampled_from(["series"] if is_edited else ["series", "remove"]))
        for one in self.versions(title):
            one.edit(title, how, "")

    def whole(self) -> None:
        for one in self.versions("period"):
            one.fields["period"] = 7
        for one in self.versions("title"):
            one.fields["title"] = "Edited"
        for one in self.versions("new", "repo") if self.draw(st.booleans()) else ():
            one.widgets["new"] = widget("new", row=8)
        for one in self.versions("by hand", "drift") if self.draw(st.booleans()) else ():
            one.widgets = {"by hand": widget("by hand", row=9), **one.widgets}


@st.composite
def sides(draw: st.DrawFn) -> Sides:
    drawing = _Drawing(draw)
    for title in drawing.titles:
        drawing.widget(title)
    drawing.whole()
    base, desired, live, both = (draft.whole() for draft in drawing.drafts.values())
    return Sides(base, desired, live, both, frozenset(drawing.touched["repo"]), frozenset(drawing.touched["drift"]))
