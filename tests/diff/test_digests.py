"""Digests of documents: they show which values changed, and never the values."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from dlsync.diff.compare import differences
from dlsync.diff.digests import LEAF_BYTES, digest, digested, fingerprint, former_secrets, texts
from dlsync.files.interpolation import Values, resolve
from dlsync.resources import kind_of
from dlsync.state.inventory import secret_digests
from tests.builders.accounts import DASHBOARDS, RULES, TEXT, VALUES
from tests.builders.referring import referring

SALT = b"salt"
SECRETS = {"s3cret": "${env:A}", "0th3r": "${env:B}"}


@given(VALUES)
def test_a_digested_value_has_its_shape_and_a_short_digest_at_each_leaf(value: object) -> None:
    def check(one: object, of: object) -> None:
        if isinstance(of, dict):
            assert isinstance(one, dict)
            assert [*one] == [*of]
            for key in of:
                check(one[key], of[key])
        elif isinstance(of, list):
            assert isinstance(one, list)
            for item, whole in zip(one, of, strict=True):
                check(item, whole)
        else:
            assert isinstance(one, str)
            assert re.fullmatch(f"[0-9a-f]{{{2 * LEAF_BYTES}}}", one)

    check(digested(SALT, value), value)  # type: ignore[arg-type] # any value of JSON is one


def test_values_with_the_same_meaning_have_the_same_digest_and_other_values_differ() -> None:
    assert digest(SALT, 5) == digest(SALT, 5.0)
    different = [digest(SALT, one) for one in (None, True, 1, "1", "", 0, False, "\ud800")]
    assert len({*different, digest(b"other", 1)}) == len(different) + 1


@given(st.sampled_from(["dashboard", "rule"]), st.data())
def test_two_documents_differ_where_their_digested_forms_do(name: str, data: st.DataObject) -> None:
    kind, documents = kind_of(name), DASHBOARDS if name == "dashboard" else RULES
    one, other = (kind.canonical(data.draw(documents)) for _ in range(2))
    plain = {(found.path, found.op, found.moved) for found in differences(kind, (), one, other)}
    hidden = {
        (found.path, found.op, found.moved)
        for found in differences(kind, (), digested(SALT, one), digested(SALT, other))
    }
    assert plain == hidden


def test_a_fingerprint_depends_on_the_bytes_and_the_salt() -> None:
    assert fingerprint(SALT, b"a") != fingerprint(SALT, b"b") != fingerprint(b"other", b"b")
    assert len(fingerprint(SALT, b"")) == 16


def test_the_texts_of_a_document_are_its_text_values_and_not_its_keys() -> None:
    assert [*texts({"a": "x", "b": ["y", {"c": "z"}, 1, None, True]})] == ["x", "y", "z"]


# a dollar sign right before a reference escapes it, so no file can have a dollar sign before a secret
PARTS = st.lists(st.sampled_from([*SECRETS, "a", " ", "{", "${env:A}", "${var:x}", "$${"]), max_size=5)


@given(st.dictionaries(TEXT, PARTS.map("".join) | st.lists(PARTS.map("".join), max_size=2), max_size=3))
def test_texts_with_a_secret_are_recognised_by_digest_and_written_with_a_reference(document: dict[str, object]) -> None:
    known = secret_digests(SALT, referring(document, SECRETS))
    assert not any(secret in json.dumps(known) for secret in SECRETS)
    found = former_secrets(SALT, document, known)  # type: ignore[arg-type] # a mapping of texts is one of JSON
    assert {*found} == {one for one in texts(document) if any(secret in one for secret in SECRETS)}  # type: ignore[arg-type] # see above
    environ = {reference[6:-1]: secret for secret, reference in SECRETS.items()}
    for text, spelling in found.items():
        assert resolve(spelling, Values({}, environ)).document == text


def test_without_a_secret_no_text_counts_as_a_former_secret() -> None:
    assert former_secrets(SALT, {"a": "b"}, {}) == {}
    assert secret_digests(SALT, {"a": "b"}) == {}
    assert former_secrets(SALT, {"a": ""}, {digest(SALT, ""): "${env:A}"}) == {}
