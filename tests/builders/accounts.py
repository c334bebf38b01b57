"""Strategies for the content of accounts, in any spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dlsync.files.names import distinct_stems, plugin_file
from dlsync.files.unresolved import problems
from dlsync.state.inventory import is_reserved
from tests.builders.yaml import spelled

if TYPE_CHECKING:
    from dlsync.model import Json

WORDS = (
    "web",
    "db",
    "Web",
    "cache.hit",
    "a/b",
    "...",
    "con",
    "%2F",
    "naïve",
    "e\u0301",
    "a b ",
    "x.meta",
    "<b>",
    "\x1b[2J",
)
# without names that no URL can hold, and those of plugins of dlsync: Hypothesis also draws the constants of dlsync
NAMES = st.one_of(
    st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
).filter(lambda name: name not in {".", ".."} and not is_reserved(name))
TEXT = st.one_of(
    st.sampled_from(
        ["", "yes", "012", "1_000", "12:30:45", "~", "- a", "a: b", "# c", "two\nlines\n", " x ", "$${var:x}", "${x}"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT)
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=5
)
TAGS: st.SearchStrategy[Json] = st.one_of(TEXT, st.lists(TEXT, max_size=3))
COUNTS = st.integers(1, 12)


def _fields(
    required: dict[str, st.SearchStrategy[Json]], optional: dict[str, st.SearchStrategy[Json]]
) -> st.SearchStrategy[dict[str, Json]]:
    return st.fixed_dictionaries(required, optional=optional)


SCOPES = _fields({"tag": TAGS}, {"agent": TAGS, "zone": TEXT})
SERIES = _fields({"metric": TEXT}, {"scope": SCOPES})
WIDGETS = _fields(
    {"title": TEXT, "row": COUNTS, "col": COUNTS, "size_x": COUNTS, "size_y": COUNTS, "type": TEXT},
    {
        "legend": st.booleans(),
        "color": TEXT,
        "filter": TEXT,
        "series": st.lists(SERIES, max_size=2),
        "metrics": st.lists(TEXT, max_size=2),
        "zoom": VALUES,
    },
)
DASHBOARDS = _fields(
    {"title": TEXT, "positions": st.lists(WIDGETS, max_size=4)},
    {
        "period": st.integers(1, 10**6),
        "locked": st.booleans(),
        "annotations": st.one_of(st.none(), st.lists(TEXT, max_size=3)),
        "colour scheme": VALUES,
    },
)
CONDITIONS = _fields(
    {"threshold": st.one_of(st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False))},
    {"timeout": st.integers(0, 9999), "operator": st.sampled_from(["gt", "lt", "ge", "le", "eq", "ne"])},
)
CRITERIA = _fields({"metric": TEXT, "condition": CONDITIONS}, {"scope": SCOPES})
MAILS = _fields({}, {"emails": st.one_of(st.none(), st.lists(TEXT, max_size=3)), "message": TEXT})
ACTIONS = st.one_of(
    MAILS,
    _fields({"type": st.just("EMAIL"), "details": MAILS}, {}),
    _fields({"type": st.just("WEBHOOK"), "details": _fields({"url": TEXT}, {})}, {}),
)
RULES = _fields(
    {"title": TEXT, "criteria": st.lists(CRITERIA, max_size=4)},
    {"description": TEXT, "actions": st.lists(ACTIONS, max_size=3)},
)
SETTINGS = _fields(
    {},
    {
        "description": TEXT,
        "interval": st.integers(1, 3600),
        "params": TEXT,
        "shellArgs": TEXT,
        "type": st.sampled_from(["INPROCESS", "SCRIPT"]),
    },
)
# no spaces at the ends, which servers trim, and no commas, at which they split
LINKED: st.SearchStrategy[Json] = st.lists(
    st.sampled_from(["web", "Web", "a b", "012", "yes", "~", "- a", "a: b", "# c", "na\u00efve", "$${var:x}", "${x}"]),
    min_size=1,
    max_size=3,
)
EXTENSIONS = st.sampled_from(["py", "sh", "", "tar.gz", "PY", "../x", "meta"])
# without the constants of dlsync that no script may be, such as the header of an encrypted file
SCRIPTS = st.one_of(st.binary(max_size=40), TEXT.map(str.encode)).filter(lambda one: not [*problems("", one)])


def spellings(document: dict[str, Json]) -> st.SearchStrategy[bytes]:
    """Spell a document in any style."""
    return spelled(document).map(lambda written: written.content)


@st.composite
def trees(draw: st.DrawFn, *, packs: bool = False) -> dict[str, bytes]:
    """Draw the files of a valid tree.

    :param packs: whether plugins may be in a pack.
    """
    files: dict[str, bytes] = {}
    folder = draw(st.sampled_from(["", "team/", "a b/c/"]))
    for kind, documents in (("dashboards", DASHBOARDS), ("rules", RULES)):
        names = draw(st.lists(NAMES, max_size=3, unique=True))
        for stem in distinct_stems(names).values():
            files[f"{kind}/{folder}{stem}.yaml"] = draw(spellings(draw(documents)))
    plugins = distinct_stems(draw(st.lists(NAMES, max_size=3, unique=True)))
    for stem in plugins.values():
        place = "packs/any pack/plugins" if packs and draw(st.booleans()) else "plugins"
        files[f"{place}/{folder}{plugin_file(stem, draw(EXTENSIONS))}"] = draw(SCRIPTS)
        if draw(st.booleans()):
            script = list(files)[-1]
            files[f"{script.rpartition('.')[0] or script}.meta.yaml"] = draw(spellings(draw(SETTINGS)))
    if linked := {name: draw(LINKED) for name in plugins if draw(st.booleans())}:
        files["links.yaml"] = draw(spellings(linked))
    return files


def without_links(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files without links, for a server that cannot create links."""
    return {file: content for file, content in files.items() if not file.startswith(("links.yaml", "packs/"))}
