"""Values kept with their secrets taken out, so that they can be put in again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.redaction import NOTHING_SECRET, Redaction
from dlsync.sealing import sealed, unsealed
from tests.builders.plans import any_json

SECRETS = {"s3cret": "${env:A}", "s3cret-long": "${env:B}", "0": "${env:ZERO}"}
ENVIRON = {"A": "s3cret", "B": "s3cret-long", "ZERO": "0"}
REDACTION = Redaction(SECRETS)
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
    assert unsealed(json.loads(kept), ENVIRON, put_in) == value
    assert put_in.items() <= SECRETS.items()


@given(any_json())
def test_without_secrets_everything_is_as_it_was(value: object) -> None:
    kept = sealed(value, NOTHING_SECRET)  # type: ignore[arg-type] # any value of JSON is one
    assert repr(unsealed(kept, {}, {})) == repr(value)


def test_a_text_with_a_secret_is_kept_as_its_parts() -> None:
    assert sealed({"url": "https://x/s3cret?a"}, REDACTION) == {
        "url": {"dlsync:sealed": ["https://x/", {"reference": "${env:A}"}, "?a"]}
    }


def test_a_secret_that_has_another_value_by_now_is_put_in_as_it_is_now() -> None:
    put_in: dict[str, str] = {}
    assert unsealed(sealed("x s3cret", REDACTION), {"A": "new"}, put_in) == "x new"
    assert put_in == {"new": "${env:A}"}


def test_a_whole_text_that_was_spelled_with_a_secret_comes_from_that_spelling() -> None:
    former = Redaction({"Hook s3cret": "Hook ${env:A}"})
    assert unsealed(sealed("Hook s3cret", former), {"A": "new"}, {}) == "Hook new"


@pytest.mark.parametrize("how", ["${env:A}", "Hook ${env:A}"])
def test_a_secret_that_is_not_set_any_more_is_named(how: str) -> None:
    with pytest.raises(DlsyncError, match=r"a secret was there before: .*\$\{env:A\} is not set in the env") as error:
        unsealed(sealed("s3cret", Redaction({"s3cret": how})), {}, {})
    assert error.value.hint


@pytest.mark.parametrize(
    "broken",
    [
        {"dlsync:sealed": "text"},
        {"dlsync:sealed": {}},
        {"dlsync:sealed": {"mapping": [["a"]]}},
        {"dlsync:sealed": {"mapping": [[1, 2]]}},
        {"dlsync:sealed": [1]},
        {"dlsync:sealed": [{"reference": None}]},
    ],
)
def test_what_no_sealing_made_is_an_error(broken: object) -> None:
    with pytest.raises(DlsyncError):
        unsealed([broken], {}, {})  # type: ignore[list-item] # any value of JSON is one
