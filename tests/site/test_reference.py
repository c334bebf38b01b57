"""The generated reference pages match the code."""

from __future__ import annotations

import pytest

from dlsync import errors
from scripts.reference import DOCS, PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_matches_the_code(page: str) -> None:
    assert PAGES[page]() == (DOCS / page).read_text(encoding="utf-8"), "run `make reference`"


def test_each_exit_code_has_a_text_that_says_when_it_occurs() -> None:
    assert set(errors.WHEN) == {code for name, code in vars(errors).items() if name.startswith("EXIT_")}
