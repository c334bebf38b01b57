"""A document that a list of the server holds, kept as text until somebody looks into it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.resources.document import AsJson
from tests.builders.accounts import DASHBOARDS

if TYPE_CHECKING:
    from dlsync.model import Json


@given(DASHBOARDS, st.booleans())
def test_it_is_the_document(document: dict[str, Json], packed: bool) -> None:
    assert AsJson(document, packed=packed)() == document
    assert AsJson(document, packed=packed).says(document)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("other", [{"a": 1.0}, {"a": True}, {"a": 1, "b": None}, {}])
def test_what_is_not_the_same_to_the_letter_is_left_to_canonical_forms(other: dict[str, Json], packed: bool) -> None:
    assert not AsJson({"a": 1}, packed=packed).says(other)


def test_it_is_parsed_when_it_is_looked_into_and_kept_until_another_is(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = Mock(wraps=json.loads)
    monkeypatch.setattr(json, "loads", parse)
    one, other = AsJson({"title": "looked into"}, packed=True), AsJson({"title": "another"}, packed=True)
    assert one.says({"title": "looked into"})
    assert parse.call_count == 0
    assert one() == one() == {"title": "looked into"}
    assert parse.call_count == 1
    assert (other(), one()) == ({"title": "another"}, {"title": "looked into"})
    assert parse.call_count == 3
