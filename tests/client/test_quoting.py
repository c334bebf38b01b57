from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote as percent_encoded

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.quoting import PIECE, Quoter, Secret

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


TOKEN = "Zq7/x+9Kd&2=pL4mW8vT1yBn5"
ECHOES = {
    "as it is": TOKEN,
    "in capitals": TOKEN.upper(),
    "cut by the server": TOKEN[:-9],
    "without its beginning": TOKEN[9:],
    "over two lines": f"{TOKEN[:5]}\r\n {TOKEN[5:]}",
    "with what a terminal ignores": "\x00".join(TOKEN),
    "in UTF-16": TOKEN.encode("utf-16-le").decode(),
    "percent-encoded": percent_encoded(TOKEN, safe=""),
    "every character percent-encoded": "".join(f"%{ord(one):02x}" for one in TOKEN),
    "in JSON in JSON": json.dumps(TOKEN).replace("/", "\\/"),
    "as JSON's escapes": "".join(f"\\u{ord(one):04X}" for one in TOKEN),
    "in HTML": html.escape(TOKEN),
    "as references of HTML": "".join(f"&#{ord(one)};" for one in TOKEN),
    "in hex": TOKEN.encode().hex(),
    "in spaced, upper hex": TOKEN.encode().hex(" ").upper(),
    "in base64": base64.b64encode(TOKEN.encode()).decode(),
    "in base64 for URLs": base64.urlsafe_b64encode(TOKEN.encode()).decode(),
}
careful = Quoter(Secret(TOKEN))


def bare(text: str) -> str:
    return "".join(text.split()).lower()


def pieces(text: str) -> set[str]:
    """Any stretch of a spelling of the key that tells eight of its characters."""
    width = max(PIECE, PIECE * len(bare(text)) // len(TOKEN))
    return {bare(text)[start : start + width] for start in range(len(bare(text)) - width + 1)}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_no_eight_characters_of_the_key_are_quoted_however_the_server_writes_it(echo: str) -> None:
    for before in range(0, 90, 7):
        start = "-" * before
        for quoted in (careful(" " * 300 + start + echo, 80), careful.start_of(f"{start}{echo}".encode(), 80)):
            assert not [piece for piece in pieces(echo) if piece in bare(quoted)]
    assert "[key]" in careful(f"no user has {echo}, sorry")


@pytest.mark.parametrize("before", ["Bearer ", "me:", "a", "ab"])
def test_nor_is_it_in_the_middle_of_what_is_packed(before: str) -> None:
    packed = base64.b64encode(f"{before}{TOKEN}\n".encode()).decode()
    first = -(-len(before) * 8 // 6)
    tells = {packed[start : start + 8] for start in range(first, len(packed) - 12)}
    assert not [piece for piece in tells if piece in careful(packed)]


def test_keys_that_make_room_by_being_taken_out_do_not_bring_the_half_of_one_into_the_quotation() -> None:
    for count in range(0, 60, 9):
        for reached in range(400, 1800, 41):
            body = (f"{TOKEN}\0" * count + "-" * reached)[:reached] + TOKEN[:-1]
            quoted = careful.start_of(body.encode(), 80)
            assert not [piece for piece in pieces(TOKEN) if piece in bare(quoted)]


def test_what_is_no_secret_is_quoted_as_it_is() -> None:
    said = "the key 'Zq7/x' has no access to dashboards: see https://example.com/help?topic=keys"
    assert careful(said) == said


def test_a_short_key_is_taken_out_where_it_stands_alone_as_it_is() -> None:
    short = Quoter(Secret("k3y"))
    assert short("the k3y is wrong, so is the K 3 Y") == "the [key] is wrong, so is the K 3 Y"


def test_a_text_without_end_is_quoted_at_once() -> None:
    assert careful("x" * 50_000_000, 80) == "x" * 80 + "…"
    assert careful(" " * 50_000_000, 80) == "…"


def test_what_is_left_out_is_marked() -> None:
    assert quote("a\x1b[31m\nb", 3) == "a […"
    assert quote("ab") == "ab"


def test_bytes_that_are_no_text_can_be_quoted() -> None:
    assert quote.start_of(b"\xff\xfe\x00", 80) == "��"


def test_the_key_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(Secret("s3cret-key")) + repr(quote)
