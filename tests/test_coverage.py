"""What coverage measures: all but the examples of properties and what is marked as untraced."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import TRACES


def tracing() -> list[Any]:
    return [sys.gettrace(), threading.gettrace()]


@pytest.fixture(scope="module")
def shared() -> list[Any]:
    """What traces a fixture that tests share."""
    return tracing()


@pytest.mark.untraced
def test_what_is_marked_is_not_measured_but_what_it_shares_with_others_is(
    shared: list[Any], request: pytest.FixtureRequest
) -> None:
    assert tracing() == [None, None]
    assert shared == request.session.stash[TRACES]


@given(st.none())
def test_a_property_is_not_measured(nothing: None) -> None:
    assert tracing() == [None, None]


def test_the_next_test_is_measured_again(request: pytest.FixtureRequest) -> None:
    assert tracing() == request.session.stash[TRACES]
