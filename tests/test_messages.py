"""Messages show names and values on one line without control characters."""

import json
from unicodedata import normalize

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dlsync.messages import distinct, distinct_pair, field_name, in_full, json_text, shortened, value, visible
from tests.builders.plans import any_json, assert_harmless

ANY_TEXT = st.text(st.characters())
INVISIBLE = [chr(code) for code in (0x34F, 0x115F, 0x1160, *range(0x180B, 0x1810), 0x3164, 0xFFA0, 0xE0100, 0xE01EF)]
SELECTORS = [chr(code) for code in range(0xFE00, 0xFE10)]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("disk full, 90 %: caf\u00e9 \U0001f4a9", "disk full, 90 %: caf\u00e9 \U0001f4a9"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x7f\x85\x9b", "\\x7f\\x85\\x9b"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("\ud800", "\\ud800"),
        ("::error file=a::b", "\\x3a:error file=a::b"),
        ("  ::add-mask::x", "  \\x3a:add-mask::x"),
        ("a ::b", "a ::b"),
        ("#1 ##[error]##vso[x]##teamcity[y]", "#1 #\\x23[error]#\\x23vso[x]#\\x23teamcity[y]"),
        ("### [a](b) ##", "### [a](b) ##"),
        ("section_start:1:x", "section_start\\x3a1:x"),
    ],
)
def test_control_characters_and_ci_commands_are_shown_as_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
@example("::a")
def test_shown_text_is_printable_and_harmless_text_stays_unchanged(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert (shown == text) == (
        text.isprintable()
        and not any(one in INVISIBLE or "\U000e0100" <= one <= "\U000e01ef" for one in text)
        and not text.lstrip().startswith("::")
        and "##" not in text
    )


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (5.0, "5.0"),
        ("90", '"90"'),
        ('say "hi"\n', '"say \\"hi\\"\\n"'),
        ("\x1b\x7f\u202e", '"\\u001b\\x7f\\u202e"'),
        ({"a": [1, "b"]}, '{"a": [1, "b"]}'),
    ],
)
def test_a_value_is_shown_as_compact_json(raw: object, shown: str) -> None:
    assert value(raw) == shown  # type: ignore[arg-type]  # JSON values, of which mypy joins the types to object


@given(any_json())
def test_json_text_parses_back_to_the_document_and_holds_no_terminal_or_ci_commands(document: object) -> None:
    exact = json.loads(json.dumps(document), parse_constant=str)
    text = json_text(exact)
    assert_harmless(text)
    assert json.loads(text) == exact


def test_a_number_too_long_for_python_to_print_is_shown_as_a_huge_number() -> None:
    assert value(10**5000) == "a huge number"


@given(ANY_JSON, st.integers(3, 80))
def test_a_value_fits_into_its_width_on_one_printable_line(raw: object, width: int) -> None:
    shown = value(raw, width)  # type: ignore[arg-type]  # hypothesis types a recursive strategy as object
    assert shown.isprintable()
    assert len(shown) <= width


def test_a_shortened_text_ends_with_three_dots() -> None:
    assert shortened("abcdefgh", 8) == "abcdefgh"
    assert shortened("abcdefgh", 7) == "abcd..."


def test_values_with_a_late_difference_are_shown_from_shortly_before_it() -> None:
    before, after = distinct_pair("x" * 100 + " 80 percent", "x" * 100 + " 90 percent")
    assert (before, after) == ('...xxxxxxxxxxx 80 percent"', '...xxxxxxxxxxx 90 percent"')


@given(st.integers(0, 200), ANY_JSON, ANY_JSON)
def test_values_that_differ_are_shown_differently(offset: int, before: object, after: object) -> None:
    left, right = ["x" * offset, before], ["x" * offset, after]
    assume(in_full(left) != in_full(right))  # type: ignore[arg-type]  # see above
    shown = distinct_pair(left, right)  # type: ignore[arg-type]  # see above
    assert shown[0] != shown[1]
    assert max(map(len, shown)) <= 60


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("period",), "period"),
        (("positions", 2, "color"), "positions[2].color"),
        (("criteria", 0, "scope", "a.b"), 'criteria[0].scope["a.b"]'),
        (("two words", "x"), '["two words"].x'),
        (("\x1b[2J",), '["\\u001b[2J"]'),
        ((), "(all)"),
    ],
)
def test_a_field_is_named_by_its_path(path: tuple[str | int, ...], name: str) -> None:
    assert field_name(path) == name


@pytest.mark.parametrize("character", INVISIBLE)
def test_an_invisible_character_is_shown_as_an_escape(character: str) -> None:
    shown = visible(f"a{character}b")
    assert shown.isascii()
    assert shown.startswith("a\\")


def test_an_emoji_is_shown_as_it_is() -> None:
    assert visible("\u26a0\ufe0f Disk") == "\u26a0\ufe0f Disk"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("caf\u00e9", "cafe\u0301", ('"caf\\xe9"', '"cafe\\u0301"')),
        ("\u26a0 Disk", "\u26a0\ufe0f Disk", ('"\\u26a0 Disk"', '"\\u26a0\\ufe0f Disk"')),
        ("\u26a0\ufe0f a", "\u26a0\ufe0f b", ('"\u26a0\ufe0f a"', '"\u26a0\ufe0f b"')),
    ],
)
def test_two_texts_that_look_the_same_are_told_apart(before: str, after: str, shown: tuple[str, str]) -> None:
    assert distinct_pair(before, after) == shown


TWINS = st.lists(st.sampled_from(["e\u0301", "\u00e9", "\u26a0", *SELECTORS, *INVISIBLE, "a", "\\"])).map("".join)


@given(st.lists(TWINS, min_size=1))
def test_texts_that_differ_look_different(texts: list[str]) -> None:
    shown = distinct([*map(visible, texts)])
    looks = {normalize("NFC", "".join(one for one in text if one not in SELECTORS)) for text in shown}
    assert len(looks) == len({*map(visible, texts)})
