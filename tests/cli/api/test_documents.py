"""``dlsync dashboards`` and ``dlsync rules``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, RULE, Piped, Terminal, by_hand, dlsync
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

BOTH = pytest.mark.parametrize(
    ("family", "kind", "text"), [("dashboards", "dashboard", DASHBOARD), ("rules", "rule", RULE)]
)


def file_of(tmp_path: Path, text: str) -> Path:
    return write_tree(tmp_path, {"some.yaml": text}) / "some.yaml"


@BOTH
def test_a_document_is_created_printed_replaced_and_deleted(
    env: dict[str, str], tmp_path: Path, family: str, kind: str, text: str
) -> None:
    text = f"# mine\n{text}"
    file = file_of(tmp_path, text)
    assert dlsync(family, "create", "web", file, env=env)[:3] == (0, f"created the {kind} web\n", "")
    printed = dlsync(family, "get", "web", env=env)
    assert (printed.code, printed.out, printed.writes) == (0, text, [])
    file.write_text(text + "# more\n")
    assert dlsync(family, "update", "web", file, env=env)[:3] == (0, f"updated the {kind} web\n", "")
    assert dlsync(family, "get", "web", env=env).out == text + "# more\n"
    assert dlsync(family, "delete", "web", "--yes", env=env)[:3] == (0, f"deleted the {kind} web\n", "")
    assert "not found" in dlsync(family, "get", "web", env=env).err


@BOTH
def test_create_never_overwrites_and_update_never_creates(
    env: dict[str, str], tmp_path: Path, family: str, kind: str, text: str
) -> None:
    file = file_of(tmp_path, text)
    missing = dlsync(family, "update", "web", file, env=env)
    assert (missing.code, missing.out, missing.writes) == (1, "", [])
    assert missing.err == f"error: there is no {kind} 'web'\n`dlsync {family} create` creates it.\n"
    by_hand(env, "PUT", f"{family}/web", text)
    taken = dlsync(family, "create", "web", file, env=env)
    assert (taken.code, taken.out, taken.writes) == (1, "", [])
    assert taken.err == f"error: there is a {kind} 'web' already\n`dlsync {family} update` replaces it.\n"


@BOTH
def test_the_content_may_come_from_stdin(env: dict[str, str], family: str, kind: str, text: str) -> None:
    assert dlsync(family, "create", "web", "-", env=env, piped=text.encode()).code == 0
    assert dlsync(family, "get", "web", env=env).out == text
    assert "stdin is closed" in dlsync(family, "update", "web", "-", env=env, closed=True).err


@BOTH
def test_a_file_with_errors_is_not_sent(env: dict[str, str], tmp_path: Path, family: str, kind: str, text: str) -> None:
    file = file_of(tmp_path, "title: [x]\ntitel: y\n")
    done = dlsync(family, "create", "web", file, env=env)
    assert (done.code, done.out, done.asked) == (1, "", ())
    assert done.err.startswith(f"{file}:1:1: error: the document has no `")
    assert done.err.endswith(f"\nerror: 2 errors in {file}; nothing was sent\n")
    by_pipe = dlsync(family, "create", "web", "-", env=env, piped=b"title: [")
    assert by_pipe.err.startswith("stdin:1:")
    assert by_pipe.err.endswith("error: 1 error in stdin; nothing was sent\n")
    assert "cannot be read: No such file" in dlsync(family, "create", "web", tmp_path / "nowhere", env=env).err


@BOTH
def test_a_document_with_an_unknown_field_is_sent_with_a_warning(
    env: dict[str, str], tmp_path: Path, family: str, kind: str, text: str
) -> None:
    done = dlsync(family, "create", "web", file_of(tmp_path, text + "colour: red\n"), env=env)
    assert (done.code, done.out) == (0, f"created the {kind} web\n")
    assert "some.yaml:3:" in done.err
    assert "warning: `colour`" in done.err


@BOTH
def test_references_in_the_file_are_replaced_by_their_values(
    env: dict[str, str], tmp_path: Path, family: str, kind: str, text: str
) -> None:
    file = file_of(tmp_path, text.replace("title: ", "title: ${env:TEAM} "))
    assert dlsync(family, "create", "web", file, env={**env, "TEAM": "shop"}).code == 0
    assert json.loads(dlsync(family, "get", "web", "--format", "json", env=env).out)["title"].startswith("shop ")


@BOTH
def test_get_escapes_control_characters_only_on_a_terminal(
    env: dict[str, str], family: str, kind: str, text: str
) -> None:
    by_hand(env, "PUT", f"{family}/web", text.replace("title: ", "title: a\u202e"))
    assert "title: a\\u202e" in dlsync(family, "get", "web", env=env, out=Terminal()).out
    assert "title: a\u202e" in dlsync(family, "get", "web", env=env, out=Piped()).out


@BOTH
def test_list_and_delete_on_a_documented_only_server_suggest_an_alternative(
    documented: dict[str, str], family: str, kind: str, text: str
) -> None:
    by_hand(documented, "PUT", f"{family}/web", text)
    listed, deleted = dlsync(family, "list", env=documented), dlsync(family, "delete", "web", "--yes", env=documented)
    assert (listed.code, listed.out, deleted.code, deleted.out) == (1, "", 1, "")
    assert listed.err == (
        f"error: this server has only the documented operations, and `GET {family}` is not among them\n"
        f"Get each by the name that your files have: `dlsync {family} get NAME`.\n"
    )
    assert f"or replace it: `dlsync {family} update web FILE`" in deleted.err


def test_dashboards_are_listed_with_their_titles(env: dict[str, str]) -> None:
    assert dlsync("dashboards", "list", env=env)[:3] == (0, "", "no dashboards\n")
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    by_hand(env, "PUT", "dashboards/db", "title: Data\npositions: []\nodd: 1\n")
    assert dlsync("dashboards", "list", env=env).out == "NAME  TITLE\ndb    Data\nweb   Web\n"
    found = json.loads(dlsync("dashboards", "list", "--format", "json", env=env).out)
    assert found[0] == {"name": "db", "title": "Data", "positions": [], "odd": 1}


def test_rules_are_listed_muted_and_unmuted(env: dict[str, str]) -> None:
    assert dlsync("rules", "list", env=env)[:3] == (0, "", "no rules\n")
    by_hand(env, "PUT", "rules/load", RULE)

    def muteness() -> bool:
        found: bool = json.loads(dlsync("rules", "list", "--format", "json", env=env).out)[0]["mute"]
        return found

    assert not muteness()
    assert dlsync("rules", "mute", "load", env=env)[:3] == (0, "muted the rule load\n", "")
    assert muteness()
    assert dlsync("rules", "list", env=env).out.startswith("NAME  MUTE  ID\nload  true  ")
    assert dlsync("rules", "unmute", "load", env=env)[:3] == (0, "unmuted the rule load\n", "")
    assert not muteness()


def test_mute_and_unmute_on_a_documented_only_server_suggest_an_alternative(documented: dict[str, str]) -> None:
    by_hand(documented, "PUT", "rules/load", RULE)
    for command in ("mute", "unmute"):
        done = dlsync("rules", command, "load", env=documented)
        assert (done.code, done.err.splitlines()[1]) == (
            1,
            "Remove the actions from its file, and run `dlsync rules update`.",
        )
