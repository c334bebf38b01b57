"""Render a plan, drift or an export as one HTML page, which loads nothing and escapes all names and values."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dlsync.messages import shortened, visible
from dlsync.model import Item, ItemChange, Plan, Problem, ResourceChange, Target
from dlsync.operations.drift import Drift
from dlsync.operations.export import Export
from dlsync.operations.plan_document import is_applied
from dlsync.render import plan_text
from dlsync.render.description import REFUSED, Description, describe
from dlsync.render.environments import EnvironmentResult
from dlsync.render.fields import MAX_WIDTH, Field
from dlsync.render.files import summary

FRAME, PER_CHANGE = 200_000, 4_000  # bytes that a page may have: in all, and for each change
_ROOM_FOR_FRAME = 150_000  # bytes: style, script, and the longest messages
_FEW = 20  # changes, up to which all of them are open
_MAX_ID, _MAX_SCALAR = 120, 300  # characters
_MAX_MESSAGES = 50  # of all sections
_WORD = re.compile(r"\s+|[\w.,@:/-]*\w|.", re.DOTALL)
_LABELS = {"repo": "files", "drift": "server", "conflict": "both"}


class Entry(NamedTuple):
    """One change on the page.

    :param id: the URL fragment of a link to it.
    :param facts: the values that the page filters by: kind, action, cause, and whether it is held.
    """

    id: str
    change: Description
    facts: dict[str, str]
    items: tuple[ItemChange, ...] = ()

    @property
    def sides(self) -> list[Item]:
        """The items of both sides."""
        return [side for item in self.items for side in (item.before, item.after) if side]

    @property
    def size(self) -> tuple[int, int]:
        """The columns and rows of the grid on which the items are drawn; zero if none is drawn."""
        places = [side.place for side in self.sides if side.place]
        columns = max((place.column + place.width - 1 for place in places), default=0)
        return columns, max((place.row + place.height - 1 for place in places), default=0)

    def says(self, field: Field) -> bool:
        """Whether the sentences of the items say everything that the outline of a field says."""
        sentences = (shortened(visible(side.sentence), MAX_WIDTH) for side in self.sides)
        return bool(field.outline) and set(sentences).issuperset(field.outline)


class Section(NamedTuple):
    """One account on the page.

    :param heading: the environment; empty for the account itself.
    :param alarms: the messages at the top, such as why an apply refuses the plan.
    """

    heading: str
    target: Target | None = None
    commit: str = ""
    total: str = ""
    alarms: Sequence[str] = ()
    problems: Sequence[Problem] = ()
    entries: Sequence[Entry] = ()


def render(result: Plan | Drift | Export | Sequence[EnvironmentResult], *, written: bool = True) -> str:
    """Return the page of a result; for environments, with a section for each.

    :param written: False if the files of an export were only compared.
    """
    match result:
        case Plan():
            return _page("apply" if is_applied(result) else "plan", [_plan(result)])
        case Drift(target, changes, warnings=warnings):
            total, entries = plan_text.drift_summary(result), [*_entries(changes)]
            return _page("drift", [Section("", target, "", total, (), warnings, entries)])
        case Export(target, problems=problems):
            total, entries = summary(result, written=written), [*_entries(result.changes())]
            return _page("export", [Section("", target, "", total, (), problems, entries)])
        case _:
            return _page("plan", [_environment(one) for one in result])


def _environment(result: EnvironmentResult) -> Section:
    if result.plan is None:
        return Section(result.environment, alarms=result.error.splitlines(), problems=result.problems)
    return _plan(result.plan, result.environment)


def _plan(plan: Plan, environment: str = "") -> Section:
    alarms = [f"{REFUSED}: {reason}" for reason in plan.refused]
    entries = [*_entries(plan.changes, f"{environment}/" if environment else "", reverts=bool(plan.reverts))]
    return Section(environment, plan.target, plan.commit, plan_text.summary(plan), alarms, plan.warnings, entries)


def _entries(changes: Sequence[ResourceChange], prefix: str = "", *, reverts: bool = False) -> Iterator[Entry]:
    for change, description in zip(changes, describe(changes, reverts=reverts, longest=_MAX_SCALAR), strict=True):
        facts = {"kind": change.address.kind, "action": change.action, "cause": change.cause}
        facts |= {"state": "held"} if change.held else {}
        yield Entry(_id(f"{prefix}{change.address}"), description, facts, change.items())


def _id(name: str) -> str:
    """Return the URL fragment of a change, the same in every plan."""
    quoted = quote(name, errors="surrogatepass")
    return quoted if len(quoted) <= _MAX_ID else sha256(quoted.encode()).hexdigest()


def _page(result: str, sections: Sequence[Section]) -> str:
    """Return the page, in at most ``FRAME`` bytes plus ``PER_CHANGE`` bytes for each change."""
    sections = [one._replace(entries=sorted(one.entries, key=lambda entry: entry.change.rank)) for one in sections]
    entries = [entry for section in sections for entry in section.entries]
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    return (
        _templates()
        .get_template("page.html")
        .render(
            result=result,
            sections=sections,
            most=max(1, _MAX_MESSAGES // len(sections)),
            blocks=iter(_blocks(entries)),
            choices=_choices(entries),
            count=len(entries),
            is_few=len(entries) <= _FEW,
            style=style,
            script=script,
            policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "base-uri 'none'; form-action 'none'",
        )
    )


def _blocks(entries: Sequence[Entry]) -> list[Markup]:
    """Return the HTML of each change; if the page is too large, the largest changes have a short form."""
    blocks = [_block(entry, is_open=len(entries) <= _FEW) for entry in entries]
    sizes = [len(block.encode()) for block in blocks]
    excess = sum(sizes) + _ROOM_FOR_FRAME - FRAME - PER_CHANGE * len(entries)
    for at in sorted(range(len(blocks)), key=sizes.__getitem__, reverse=True):
        if excess <= 0:
            break
        blocks[at] = _block(entries[at], is_short=True)
        excess -= sizes[at] - len(blocks[at].encode())
    return blocks


def _block(entry: Entry, *, is_open: bool = False, is_short: bool = False) -> Markup:
    block = _templates().get_template("change.html").render(entry=entry, is_open=is_open, is_short=is_short)
    return Markup(block)  # noqa: S704 - the template has escaped it


def _choices(entries: Sequence[Entry]) -> dict[str, list[tuple[str, str, int]]]:
    """Return the filters: each fact in which changes differ, with its values, their labels and counts."""
    names = dict.fromkeys(name for entry in entries for name in entry.facts)
    counts = {name: Counter(entry.facts.get(name, "") for entry in entries) for name in names}
    return {
        name: [(value, _LABELS.get(value, value), count) for value, count in values.items() if value]
        for name, values in counts.items()
        if len(values) > 1
    }


def marked(before: str, after: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Split two texts into runs of words, each with whether the other text lacks it."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for how, start, end, begin, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for side, run in ((left, old[start:end]), (right, new[begin:stop])):
            if run:
                side.append(("".join(run), how != "equal"))
    return left, right


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> Markup:
    text = (files("dlsync.render") / "templates" / name).read_text("utf-8")
    return Markup(text)  # noqa: S704 - a style or a script of this package


@cache
def _templates() -> Environment:
    """Return the templates, which make every value safe to print and escape it."""
    made = Environment(
        loader=PackageLoader("dlsync.render"),
        autoescape=True,
        auto_reload=False,
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"shortened": lambda text, width: shortened(visible(text), width)}
    made.globals |= {"marked": marked}
    return made
