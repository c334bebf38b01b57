"""Values kept with their secrets taken out, so that they can be put in again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.state.sealed_values import Source, sealed, unsealed
from tests.builders.plans import any_json

if TYPE_CHECKING:
    from dlsync.model import Json

SECRETS = {"s3cret": "${env:A}", "s3cret-long": "${env:B}", "0": "${env:ZERO}"}
ENVIRON = {"A": "s3cret", "B": "s3cret-long", "ZERO": "0"}
REDACTION = Redaction(SECRETS)
SOURCE = Source(ENVIRON, ENVIRON)
TEXTS = st.lists(
    st.sampled_from([*SECRETS, "${env:A}", "$${", "a", " ", "dlsync:sealed", "mapping", "reference"]), max_size=4
).map("".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(1, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_what_is_sealed_holds_no_secret_and_is_the_same_again_with_them(value: object) -> None:
    kept = json.dumps(sealed(value, REDACTION))  # type: ignore[arg-type] # any value of JSON is one
    assert not any(secret in kept for secret in SECRETS)
    put_in: dict[str, str] = {}
    assert unsealed(json.loads(kept), SOURCE, put_in) == value
    assert put_in.items() <= SECRETS.items()


@given(any_json())
def test_without_secrets_everything_is_as_it_was(value: object) -> None:
    kept = sealed(value, NOTHING_SECRET)  # type: ignore[arg-type] # any value of JSON is one
    assert repr(unsealed(kept, Source({}, ()), {})) == repr(value)


def test_a_text_with_a_secret_is_kept_as_its_parts() -> None:
    assert sealed({"url": "https://x/s3cret?a"}, REDACTION) == {
        "url": {"dlsync:sealed": ["https://x/", {"reference": "${env:A}"}, "?a"]}
    }


def test_a_number_that_a_server_made_of_a_secret_is_kept_as_one() -> None:
    kept = sealed([4711, 4712, True], Redaction({"4711": "${env:A}", "True": "${env:B}"}))
    assert kept == [{"dlsync:sealed": [{"reference": "${env:A}"}]}, 4712, True]


def test_a_mapping_of_a_server_that_looks_sealed_gets_nothing_of_the_environment() -> None:
    bait: Json = {"dlsync:sealed": [{"reference": "${env:A}"}]}
    assert unsealed(sealed(bait, REDACTION), SOURCE, {}) == bait


def test_a_secret_that_has_another_value_by_now_is_put_in_as_it_is_now() -> None:
    put_in: dict[str, str] = {}
    assert unsealed(sealed("x s3cret", REDACTION), Source({"A": "new"}, ["A"]), put_in) == "x new"
    assert put_in == {"new": "${env:A}"}


def test_a_whole_text_that_was_spelled_with_a_secret_comes_from_that_spelling() -> None:
    former = Redaction({"Hook s3cret": "Hook ${env:A}"})
    assert unsealed(sealed("Hook s3cret", former), Source({"A": "new"}, ["A"]), {}) == "Hook new"


@pytest.mark.parametrize("how", ["${env:A}", "Hook ${env:B} ${env:A}"])
@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"A": ""}, "empty")])
def test_a_secret_that_is_not_set_any_more_is_named_and_nothing_of_what_is_around_it(
    how: str, environ: dict[str, str], state: str
) -> None:
    with pytest.raises(DlsyncError) as error:
        unsealed(sealed("s3cret", Redaction({"s3cret": how})), Source({"B": "b", **environ}, ENVIRON), {})
    assert error.value.message == f"a secret was there before: ${{env:A}} is {state} in the environment"
    assert error.value.hint


@pytest.mark.parametrize("how", ["${env:PATH}", "Hook ${env:A} ${env:PATH}", "${env:\x1b[2J}"])
def test_a_name_that_must_not_be_read_is_not(how: str) -> None:
    environ = {"A": "a", "PATH": "/bin", "\x1b[2J": "x"}
    put_in: dict[str, str] = {}
    with pytest.raises(
        DlsyncError, match=r"\$\{env:[^\x1b]*\} is in no file of the tree, so it is not taken from"
    ) as error:
        unsealed(sealed("s3cret", Redaction({"s3cret": how})), Source(environ, {"A"}), put_in)
    assert "dlsync.yaml" in error.value.hint
    assert put_in == {}


@pytest.mark.parametrize(
    "broken",
    [
        {"dlsync:sealed": "text"},
        {"dlsync:sealed": {}},
        {"dlsync:sealed": {"mapping": [["a"]]}},
        {"dlsync:sealed": {"mapping": [[1, 2]]}},
        {"dlsync:sealed": [1]},
        {"dlsync:sealed": [{"reference": None}]},
        {"dlsync:sealed": [{"reference": "${var:x}"}]},
    ],
)
def test_what_no_sealing_made_is_an_error(broken: object) -> None:
    with pytest.raises(DlsyncError, match="the journal is broken"):
        unsealed([broken], SOURCE, {})  # type: ignore[list-item] # any value of JSON is one
