"""An export of hostile names stays in its folder, prints no control characters, and is stable."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.builders.commands import Outcome, dlsync, environment, misbehaving
from tests.builders.http import Reply, json_reply
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.http import Seen

# each example starts a server and exports three times
SOME = settings(max_examples=250 if settings().max_examples > 100 else 15)
OURS = {"dlsync.yaml": b"org: acme\n", ".git/config": b"[core]\n", ".git/hooks/x.sh": b"ours\n", "README.md": b"ours\n"}
EVIL = [
    "../../evil",
    "..",
    ".",
    "/etc/passwd",
    "\\\\host\\c$",
    "C:\\x",
    "a/../../b",
    "dlsync",
    "../dlsync",
    ".git/config",
    "../.git/hooks/x",
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "a\r\nb",
    "\0",
    "\u202etxt.exe",
    "\u2028",
    "\ufeff",
    "CON",
    "nul.txt",
    "a.meta",
    "x.yaml",
    "%2e%2e%2f",
    "%00",
    "\xe9",
    "e\u0301",
    "\xc9",
    "\u0131",
    "\u0130",
    "x" * 300,
    "\xe9" * 130,
    "~",
    "$(id)",
    "`id`",
    "-rf",
    "--",
    " a ",
    "a.",
    "links",
    "\U000e0041",
]
NAMES = st.sampled_from(EVIL) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TEXTS = NAMES | st.just("plain")
ACCOUNT = "/accounts/default/"


def hostile(
    dashboards: list[str], rules: list[str], plugins: list[tuple[str, str]], tags: list[str]
) -> Callable[[Seen], Reply]:
    """Return the answers of an account in which an attacker chose every name."""
    document = {"title": (tags or ["t"])[0], "positions": []}
    lists: dict[str, object] = {
        "dashboards": [{"name": name, **document} for name in dashboards],
        "rules": [{"name": name, "id": name} for name in rules],
        "plugins": [{"name": name, "extension": extension} for name, extension in plugins],
        "links": [{"id": name, "plugin": name, "tags": tags or ["t"]} for name, _ in plugins],
    }
    extensions = dict(plugins)

    def answer(request: Seen) -> Reply:
        _, _, path = request.target.partition(ACCOUNT)
        family, _, name = path.partition("/")
        if not name:
            return json_reply(lists[family]) if family in lists else json_reply([{"name": "default"}])
        if family == "plugins":
            script = base64.b64encode(b"exit 0\n").decode()
            return json_reply(
                {
                    "name": unquote(name),
                    "extension": extensions[unquote(name)],
                    "content": script,
                    "description": (tags or ["t"])[0],
                }
            )
        criteria = {"title": (tags or ["t"])[0], "description": unquote(name), "criteria": []}
        return Reply(200, json.dumps(criteria).encode(), (("Content-Type", "application/yaml"),))

    return answer


def everything_under(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require_harmless(done: Outcome) -> None:
    assert done.code in {0, 1}
    for line in (done.out + done.err).split("\n"):
        assert line.isprintable(), line


@SOME
@given(
    st.lists(NAMES, max_size=3, unique=True),
    st.lists(NAMES, max_size=3, unique=True),
    st.lists(st.tuples(NAMES, st.just("sh") | st.just("") | TEXTS), max_size=3, unique_by=lambda one: one[0]),
    st.lists(TEXTS, max_size=3),
)
@example(EVIL, EVIL, [(name, "sh") for name in EVIL], EVIL)
@example([], [], [(f"p{number}", extension) for number, extension in enumerate(EVIL)], ["t"])
def test_an_export_of_hostile_names_stays_in_its_folder_prints_safely_and_is_stable(
    dashboards: list[str], rules: list[str], plugins: list[tuple[str, str]], tags: list[str]
) -> None:
    with TemporaryDirectory() as folder, misbehaving(hostile(dashboards, rules, plugins, tags)) as server:
        around, tree = Path(folder), write_tree(Path(folder) / "a" / "b" / "tree", OURS)
        env = environment(server.url)
        done = dlsync("export", tree, env=env)
        require_harmless(done)
        written = everything_under(around)
        inside = tree_files(tree)
        assert written.keys() == {f"a/b/tree/{file}" for file in inside}
        assert {file: inside[file] for file in OURS} == OURS
        made = inside.keys() - OURS.keys()
        assert all(file == "links.yaml" or file.split("/")[0] in {"dashboards", "rules", "plugins"} for file in made)
        assert all(file.isprintable() and not {"..", "."} & set(file.split("/")) for file in made)
        assert done.code or len(made) >= len([*dashboards, *rules, *plugins])
        again = dlsync("export", tree, env=env)
        require_harmless(again)
        assert again.code == done.code
        assert tree_files(tree) == inside
        require_harmless(dlsync("export", tree, "--mirror", "--format", "json", env=env))
        assert tree_files(tree) == inside
        require_harmless(dlsync("plan", tree, env=env))
