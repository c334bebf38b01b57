"""The cache: it remembers which version of a live resource equals its files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlsync.operations.cache import FORGETFUL
from dlsync.resources import Listing
from tests.builders.trees import address, resource

RULES = [replace(resource(f"rule/r{number}", f"title: {number}\n"), etag=f'"{number}"') for number in range(20)]
DESIRED = {one.address: one for one in RULES}


def test_the_cache_knows_a_version_only_for_the_content_that_it_learned() -> None:
    known = FORGETFUL.learned(DESIRED, RULES, {})
    one = RULES[0]
    assert known.version(one.address, one) == '"0"'
    assert known.version(one.address, resource("rule/r0", "title: other\n")) == ""
    assert known.version(one.address, replace(one, secrets={"x": "${env:X}"})) == ""
    assert known.version(one.address, None) == ""
    assert known.version(address("rule/none"), one) == ""


def test_the_cache_learns_no_resource_without_an_etag_or_with_a_secret() -> None:
    bare, secret = replace(RULES[0], etag=""), replace(RULES[1], secrets={"x": "${env:X}"})
    assert FORGETFUL.learned({**DESIRED, secret.address: secret}, [bare, secret], {}) == FORGETFUL


@pytest.mark.parametrize(("different", "remembered"), [(0, True), (1, False), (20, False)])
def test_the_cache_remembers_a_list_only_if_all_its_resources_equal_their_files(
    different: int, remembered: bool
) -> None:
    listing = Listing(names=frozenset(one.name for one in RULES), etag='"all"')
    equal = [replace(one, etag='"all"') for one in RULES[different:]]
    assert bool(FORGETFUL.learned(DESIRED, equal, {"rule": listing}).listed) is remembered


def test_the_cache_forgets_resources_that_have_no_file_any_more() -> None:
    known = FORGETFUL.learned(DESIRED, RULES, {})
    left = dict(list(DESIRED.items())[:3])
    assert known.learned(left, [], {}).seen.keys() == left.keys()
