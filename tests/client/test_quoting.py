from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.quoting import Quoter, Secret

quote = Quoter(Secret("s3cret-key"))


@given(st.text())
def test_a_quotation_is_one_printable_line_within_its_limit(text: str) -> None:
    quoted = quote(text, 20)
    assert quoted.isprintable()
    assert len(quoted) <= 21


@given(st.text(), st.text(), st.integers(0, 60))
def test_the_key_is_never_quoted_not_even_its_beginning(before: str, after: str, limit: int) -> None:
    if "s" not in before + after:
        assert "s" not in quote(f"{before}s3cret-key{after}", limit)
        assert "s" not in quote.start_of(f"{before}s3cret-key{after}".encode("utf-8", "replace"), limit)


def test_what_is_left_out_is_marked() -> None:
    assert quote("a\x1b[31m\nb", 3) == "a […"
    assert quote("ab") == "ab"


def test_bytes_that_are_no_text_can_be_quoted() -> None:
    assert quote.start_of(b"\xff\xfe\x00", 80) == "��"


def test_the_key_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(Secret("s3cret-key")) + repr(quote)
