"""The cache: which version of a resource was found to say what its files say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlsync.operations.cache import FORGETFUL
from dlsync.resources import Listing
from tests.builders.trees import address, resource

RULES = [replace(resource(f"rule/r{number}", f"title: {number}\n"), etag=f'"{number}"') for number in range(20)]
DESIRED = {one.address: one for one in RULES}


def test_a_version_says_what_the_files_said_and_nothing_else() -> None:
    known = FORGETFUL.learned(DESIRED, RULES, {})
    one = RULES[0]
    assert known.version(one.address, one) == '"0"'
    assert known.version(one.address, resource("rule/r0", "title: other\n")) == ""
    assert known.version(one.address, replace(one, secrets={"x": "${env:X}"})) == ""
    assert known.version(one.address, None) == ""
    assert known.version(address("rule/none"), one) == ""


def test_without_an_etag_or_with_a_secret_nothing_is_learned() -> None:
    bare, secret = replace(RULES[0], etag=""), replace(RULES[1], secrets={"x": "${env:X}"})
    assert FORGETFUL.learned({**DESIRED, secret.address: secret}, [bare, secret], {}) == FORGETFUL


@pytest.mark.parametrize(("different", "remembered"), [(0, True), (1, False), (20, False)])
def test_a_list_is_remembered_where_all_of_it_was_equal(different: int, remembered: bool) -> None:
    listing = Listing(names=frozenset(one.name for one in RULES), etag='"all"')
    equal = [replace(one, etag='"all"') for one in RULES[different:]]
    assert bool(FORGETFUL.learned(DESIRED, equal, {"rule": listing}).listed) is remembered


def test_what_no_file_says_any_more_is_forgotten() -> None:
    known = FORGETFUL.learned(DESIRED, RULES, {})
    left = dict(list(DESIRED.items())[:3])
    assert known.learned(left, [], {}).seen.keys() == left.keys()
