"""Sealed values: without their secrets in the journal, and restored with the secrets of the environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.diff.digests import digest
from dlsync.errors import DlsyncError
from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.state.sealed_values import Seal, Source, sealed, unsealed
from tests.builders.plans import any_json
from tests.builders.referring import known, referring

if TYPE_CHECKING:
    from dlsync.model import Json

SECRETS = {"s3cret-value": "${env:A}", "s3cret-value-long": "${env:B}", "00000000": "${env:ZERO}"}
ENVIRON = {"A": "s3cret-value", "B": "s3cret-value-long", "ZERO": "00000000"}
SALT = b"salt"
SEAL = Seal(Redaction(SECRETS), SALT)
SOURCE = Source(ENVIRON, ENVIRON, SALT)
TEXTS = st.lists(
    st.sampled_from([*SECRETS, "${env:A}", "$${", "a", " ", "dlsync:sealed", "mapping", "reference"]), max_size=4
).map(" ".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(1, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_a_sealed_value_holds_no_secret_and_unseals_to_the_original_value(value: object) -> None:
    kept = json.dumps(sealed(value, SEAL))  # type: ignore[arg-type] # any value of JSON is one
    assert not any(secret in kept for secret in SECRETS)
    put_in: dict[str, str] = {}
    assert unsealed(json.loads(kept), SOURCE, put_in) == value
    assert put_in.items() <= SECRETS.items()


@given(any_json())
def test_a_value_without_secrets_unseals_to_the_original_value(value: object) -> None:
    kept = sealed(value, Seal(NOTHING_SECRET))  # type: ignore[arg-type] # any value of JSON is one
    assert repr(unsealed(kept, Source({}, ()), {})) == repr(value)


def test_a_text_with_a_secret_is_sealed_as_a_list_of_parts() -> None:
    digested = {"reference": "${env:A}", "digest": digest(SALT, "s3cret-value")}
    found = sealed({"url": "https://x/s3cret-value?a"}, SEAL)
    assert found == {"url": {"dlsync:sealed": ["https://x/", digested, "?a"]}}
    known_ = sealed("Hook s3cret", Seal(known("Hook s3cret", "Hook ${env:A}")))
    assert known_ == sealed(referring("Hook s3cret", {"s3cret": "${env:A}"}), SEAL)
    assert known_ == {"dlsync:sealed": ["Hook ", {"reference": "${env:A}"}]}


@pytest.mark.parametrize(
    "text", ["reproduce", "prod", "xs3cret-value", "s3cret-value1", "s3cret-valueé", "$s3cret-value"]
)
def test_a_short_secret_and_a_secret_inside_a_word_are_not_sealed(text: str) -> None:
    assert sealed(text, Seal(Redaction({"prod": "${env:STAGE}", **SECRETS}))) == text


def test_a_number_that_equals_a_long_secret_is_sealed() -> None:
    redaction = Redaction({"47114711": "${env:A}", "4712": "${env:B}", "True": "${env:B}"}).with_spellings(
        {"4713": "${env:C}"}
    )
    first, *others = [sealed(one, Seal(redaction)) for one in (47114711, 4712, 4713, True)]
    assert unsealed(first, Source({"A": "47114711"}, ["A"]), {}) == "47114711"
    assert others == [4712, 4713, True]


def test_a_mapping_of_a_server_that_looks_sealed_receives_no_secret() -> None:
    bait: Json = {"dlsync:sealed": [{"reference": "${env:A}"}]}
    assert unsealed(sealed(bait, SEAL), SOURCE, {}) == bait


def test_a_secret_with_a_new_value_unseals_to_the_new_value() -> None:
    put_in: dict[str, str] = {}
    former = Seal(known("Hook s3cret", "Hook ${env:A}"))
    assert unsealed(sealed("Hook s3cret", former), Source({"A": "new"}, ["A"]), put_in) == "Hook new"
    assert put_in == {"new": "${env:A}"}


def test_a_secret_that_was_found_by_its_value_unseals_only_to_the_same_value() -> None:
    found = sealed("Hook s3cret-value", SEAL)
    with pytest.raises(DlsyncError, match=r"the value of \$\{env:A\}, which has another value now") as error:
        unsealed(found, Source({"A": "new"}, ["A"], SALT), {})
    assert error.value.hint
    older: Json = {"dlsync:sealed": ["Hook ", {"reference": "${env:A}"}]}  # a journal from before digests existed
    assert unsealed(older, Source({"A": "new"}, ["A"], SALT), {}) == "Hook new"


@pytest.mark.parametrize("how", ["${env:A}", "Hook ${env:B} ${env:A}"])
@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"A": ""}, "empty")])
def test_the_error_for_an_unset_secret_names_its_variable_without_the_surrounding_text(
    how: str, environ: dict[str, str], state: str
) -> None:
    with pytest.raises(DlsyncError) as error:
        unsealed(sealed("s3cret", Seal(known("s3cret", how))), Source({"B": "b", **environ}, ENVIRON), {})
    assert error.value.message == f"a secret was there before: ${{env:A}} is {state} in the environment"
    assert error.value.hint


@pytest.mark.parametrize("how", ["${env:PATH}", "Hook ${env:A} ${env:PATH}", "${env:\x1b[2J}"])
def test_a_variable_that_no_file_references_is_not_read(how: str) -> None:
    environ = {"A": "a", "PATH": "/bin", "\x1b[2J": "x"}
    put_in: dict[str, str] = {}
    with pytest.raises(
        DlsyncError, match=r"\$\{env:[^\x1b]*\} is in no file of the directory, so it is not taken from"
    ) as error:
        unsealed(sealed("s3cret", Seal(known("s3cret", how))), Source(environ, {"A"}), put_in)
    assert "dlsync.yaml" in error.value.hint
    assert not {"/bin", "x"} & put_in.keys()


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
def test_an_invalid_sealed_value_is_an_error(broken: object) -> None:
    with pytest.raises(DlsyncError, match="the journal is broken"):
        unsealed([broken], SOURCE, {})  # type: ignore[list-item] # any value of JSON is one
