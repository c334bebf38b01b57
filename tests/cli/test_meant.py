"""Which resources, which run and which tree the arguments of a command mean."""

from pathlib import Path

import pytest

from dlsync.cli import options
from dlsync.errors import SettingsError
from dlsync.model import Address

RUN = "20261125T101010Z-0a1b2c"


def test_what_names_no_resources_is_the_tree() -> None:
    targets, directory = options.resources(["rule/*", "team", "dashboard/web"])
    assert directory == Path("team")
    assert targets.admits(Address("rule", "x"))
    assert targets.admits(Address("dashboard", "web"))
    assert not targets.admits(Address("dashboard", "db"))
    assert options.resources(["rule/*"])[1] == Path()


def test_of_several_that_name_no_resources_the_first_is_what_is_wrong() -> None:
    with pytest.raises(SettingsError, match="`rulse` names no resources"):
        options.resources(["rulse", "team"])


@pytest.mark.parametrize("arguments", [["rules/web"], ["dashboard/web", "rules/web"]])
def test_a_misspelt_kind_is_not_taken_for_a_folder(arguments: list[str]) -> None:
    with pytest.raises(SettingsError, match="`rules/web` names no resources") as caught:
        options.resources(arguments)
    assert caught.value.hint == "Did you mean rule/web?"
    assert options.resources(["/no/folder"])[1] == Path("/no/folder")


def test_resources_have_to_be_named_where_all_would_be_too_much() -> None:
    with pytest.raises(SettingsError, match="no resources are named"):
        options.named_resources(["team"])


def test_a_run_and_a_tree_come_in_any_order(tmp_path: Path) -> None:
    assert options.run([RUN, str(tmp_path)]) == options.run([str(tmp_path), RUN]) == (RUN, tmp_path)
    assert options.run([]) == ("", Path())


@pytest.mark.parametrize("arguments", [[RUN, RUN], ["a", "b"], ["no such folder"]])
def test_what_is_no_run_and_no_tree_is_an_error(arguments: list[str]) -> None:
    with pytest.raises(SettingsError):
        options.run(arguments)
