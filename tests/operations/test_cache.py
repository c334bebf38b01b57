"""The cache: which version of a resource was found to say what its files say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.model import Address
from dlsync.operations import cache
from dlsync.operations.cache import FORGETFUL, Cache, Listed, Seen
from dlsync.resources import Listing
from tests.builders.trees import address, resource

ADDRESSES = st.builds(Address, st.sampled_from(["rule", "plugin"]), st.text(st.characters(exclude_categories=["Cs"])))
CACHES = st.builds(
    Cache,
    st.dictionaries(ADDRESSES, st.builds(Seen, st.text(), st.text())),
    st.dictionaries(st.text(), st.builds(Listed, st.text(), st.frozensets(st.text()))),
)
SEAL = b"a key"
RULES = [replace(resource(f"rule/r{number}", f"title: {number}\n"), etag=f'"{number}"') for number in range(20)]
DESIRED = {one.address: one for one in RULES}


@given(CACHES)
def test_what_was_kept_is_read(known: Cache) -> None:
    assert cache.read(known.content(SEAL), SEAL) == known


@given(CACHES, st.data())
def test_what_somebody_has_touched_is_not(known: Cache, data: st.DataObject) -> None:
    content = known.content(SEAL)
    place = data.draw(st.integers(0, len(content) - 1))
    touched = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    with pytest.raises(ValueError, match="not what was written"):
        cache.read(touched, SEAL)
    with pytest.raises(ValueError, match="not what was written"):
        cache.read(content, b"another key")


def test_a_version_says_what_the_files_said_and_nothing_else() -> None:
    known = FORGETFUL.learned(DESIRED, RULES, {})
    one = RULES[0]
    assert known.version(one.address) == '"0"'
    assert known.says(one.address, one)
    assert not known.says(one.address, resource("rule/r0", "title: other\n"))
    assert not known.says(one.address, replace(one, secrets={"x": "${env:X}"}))
    assert not known.says(one.address, None)
    assert not known.says(address("rule/none"), one)
    assert known.version(address("rule/none")) == ""


def test_without_an_etag_or_with_a_secret_nothing_is_learned() -> None:
    bare, secret = replace(RULES[0], etag=""), replace(RULES[1], secrets={"x": "${env:X}"})
    assert FORGETFUL.learned({**DESIRED, secret.address: secret}, [bare, secret], {}) == FORGETFUL


@pytest.mark.parametrize(("different", "worth"), [(0, True), (2, True), (3, False), (20, False)])
def test_a_list_is_worth_a_question_where_most_of_it_is_known(different: int, worth: bool) -> None:
    listing = Listing(names=frozenset(one.name for one in RULES), etag='"all"')
    equal = [replace(one, etag='"all"') for one in RULES[different:]]
    assert bool(FORGETFUL.learned(DESIRED, equal, {"rule": listing}).listed) is worth


def test_what_no_file_says_any_more_is_forgotten() -> None:
    known = FORGETFUL.learned(DESIRED, RULES, {})
    left = dict(list(DESIRED.items())[:3])
    assert known.learned(left, [], {}).seen.keys() == left.keys()
