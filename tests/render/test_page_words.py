"""Different words of two texts are marked."""

from __future__ import annotations

from hypothesis import given

from dlsync.render.page import marked
from tests.builders.plans import any_text


def test_only_words_that_the_other_text_lacks_are_marked() -> None:
    before, after = marked("base.cpu is above 90 for 5 min", "base.cpu is above 80 for 5 min, urgent")
    assert before == [("base.cpu is above ", False), ("90", True), (" for 5 min", False)]
    assert after == [("base.cpu is above ", False), ("80", True), (" for 5 min", False), (", urgent", True)]


@given(any_text(), any_text())
def test_both_texts_stay_complete(before: str, after: str) -> None:
    assert ["".join(words for words, _ in side) for side in marked(before, after)] == [before, after]


@given(any_text())
def test_nothing_is_marked_in_equal_texts(text: str) -> None:
    assert marked(text, text) == ([(text, False)] if text else [],) * 2
