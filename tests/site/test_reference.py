"""The pages that are made from the code are as the code is."""

from __future__ import annotations

import pytest

from dlsync import errors
from scripts.reference import DOCS, PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_the_code_is(page: str) -> None:
    assert PAGES[page]() == (DOCS / page).read_text(encoding="utf-8"), "run `make reference`"


def test_the_reference_says_when_each_exit_code_comes() -> None:
    assert set(errors.WHEN) == {code for name, code in vars(errors).items() if name.startswith("EXIT_")}
