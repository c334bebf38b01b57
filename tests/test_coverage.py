"""Coverage measures all tests except property tests and tests that are marked as untraced."""

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
    """Return the tracers that are active while a shared fixture is made."""
    return tracing()


@pytest.mark.untraced
def test_an_untraced_test_is_not_measured_but_its_shared_fixtures_are(
    shared: list[Any], request: pytest.FixtureRequest
) -> None:
    assert tracing() == [None, None]
    assert shared == request.session.stash[TRACES]


@given(st.none())
def test_a_property_test_is_not_measured(nothing: None) -> None:
    assert tracing() == [None, None]


def test_the_test_after_an_unmeasured_test_is_measured(request: pytest.FixtureRequest) -> None:
    assert tracing() == request.session.stash[TRACES]
