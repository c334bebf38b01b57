"""Redaction replaces secrets with their references in output and in files."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.files.interpolation import Values, resolve
from dlsync.files.redaction import HIDDEN, NOTHING_SECRET, Redaction, values_in
from dlsync.messages import KEY, visible
from dlsync.model import FieldChange
from tests.builders.accounts import VALUES
from tests.builders.plans import added, change, masked, removed, replaced
from tests.builders.referring import referring

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Json, Path

SECRETS = {"s3cret": "${env:A}", "s3cret-long": "${env:B}"}
REDACTION = Redaction(SECRETS)


def refers(value: Json) -> Json:
    """Return the value as files hold it, with references to the secrets."""
    return cast("Json", referring(value, SECRETS))


def test_redaction_replaces_a_secret_with_its_reference_in_texts_keys_and_lists() -> None:
    assert REDACTION.text("x s3cret y s3cret-long") == "x ${env:A} y ${env:B}"
    assert REDACTION.value({"s3cret": ["a s3cret", 1, None]}) == {"${env:A}": ["a ${env:A}", 1, None]}


def test_a_change_is_shown_without_secrets() -> None:
    shown = REDACTION.change(change("update", "rule/x", replaced(("a", "s3cret", 0), "s3cret", "new")))
    assert shown == change("update", "rule/x", replaced(("a", "${env:A}", 0), "${env:A}", "new"))
    assert REDACTION.change(change("delete", "rule/x").finished("failed", "no s3cret")).error == "no ${env:A}"


HOOK = 'https://hooks/"T0K3N"\n  second line'
MESSAGES = Redaction({HOOK: "${env:HOOK}"})


@pytest.mark.parametrize("spelled", [HOOK, " ".join(HOOK.split()), json.dumps(HOOK)[1:-1]])
def test_a_message_hides_a_secret_on_one_line_or_in_json_even_when_truncated(spelled: str) -> None:
    assert MESSAGES.message(f"no hook {spelled} here") == "no hook ${env:HOOK} here"
    for end in range(4, len(spelled)):
        for cut in ("…", "..."):
            assert MESSAGES.message(f"400: {spelled[:end]}{cut} and x{cut}") == f"400: ${{env:HOOK}}{cut} and x{cut}"


def test_a_message_keeps_a_fragment_of_a_secret_that_is_too_short_to_reveal_it() -> None:
    assert MESSAGES.message("see htt… or https://h") == "see htt… or https://h"


def test_the_error_of_a_failed_change_hides_a_truncated_secret() -> None:
    failed = change("update", "rule/x").finished("failed", f"the server refuses this (400: {HOOK[:30]}…)")
    assert MESSAGES.change(failed).error == "the server refuses this (400: ${env:HOOK}…)"


def test_the_repr_of_a_redaction_hides_its_secrets() -> None:
    assert "s3cret" not in repr(REDACTION)


@given(VALUES)
def test_a_redaction_without_secrets_changes_nothing(value: object) -> None:
    assert NOTHING_SECRET.value(value) == value  # type: ignore[arg-type]  # VALUES are JSON
    assert NOTHING_SECRET.message("s3cret...") == "s3cret..."
    assert NOTHING_SECRET.change(change("create", "rule/x")) == change("create", "rule/x")


PIECES = st.lists(st.sampled_from(["s3cret", "s3cret-long", "s3", "cret", "-long", " "])).map("".join)


@given(PIECES)
def test_a_redacted_text_never_contains_a_secret(text: str) -> None:
    assert "s3cret" not in REDACTION.text(text)


HARD = "a \"b\" 'c' \\d %25 & <e> ü✓ \u202e\nand a second line"


@pytest.mark.parametrize(
    "spelled",
    [
        HARD,
        json.dumps(HARD)[1:-1],
        json.dumps(HARD, ensure_ascii=False)[1:-1],
        repr(HARD)[1:-1],
        visible(HARD),
        " ".join(HARD.replace("\u202e", " ").split()),
        HARD.replace("'", "''"),
        quote(HARD),
        quote_plus(HARD),
        html.escape(HARD),
        base64.b64encode(HARD.encode()).decode(),
        HARD.swapcase(),
        "and a second line",
    ],
)
def test_a_message_hides_a_secret_in_any_quoting_or_encoding(spelled: str) -> None:
    assert Redaction({HARD: "${env:A}"}).message(f"it was: {spelled}!") == "it was: ${env:A}!"


@pytest.mark.parametrize("dots", ["...", "…"])
def test_a_message_hides_the_beginning_of_a_truncated_secret(dots: str) -> None:
    assert REDACTION.message(f"no s3cre{dots} nor s3cret-lo{dots}, s3c{dots}s3cre") == (
        f"no ${{env:A}}{dots} nor ${{env:B}}{dots}, s3c{dots}s3cre"
    )


ENCODED = {
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 in lines": lambda raw: "\n".join(textwrap.wrap(base64.b64encode(raw).decode(), 9)),
    "base64 in lines, as JSON": lambda raw: json.dumps("\r\n".join(textwrap.wrap(base64.b64encode(raw).decode(), 9))),
    "base64 for URLs": lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    "percent": lambda raw: "".join(f"%{byte:02x}" for byte in raw),
    "percent twice": lambda raw: "".join(f"%25{byte:02X}" for byte in raw),
    "decimal entities": lambda raw: "".join(f"&#{ord(letter)};" for letter in raw.decode()),
    "hexadecimal entities": lambda raw: "".join(f"&#x{ord(letter):X};" for letter in raw.decode()),
    "JSON": lambda raw: "".join(f"\\u{unit}" for unit in textwrap.wrap(raw.decode().encode("utf-16-be").hex(), 4)),
    "JSON in JSON": lambda raw: "".join(f"\\\\u{ord(letter):04X}" for letter in raw.decode()),
    "bytes of Python": lambda raw: "".join(f"\\x{byte:02x}" for byte in raw),
    "hexadecimal digits": lambda raw: raw.hex(),
}
NOT_SHOWN = "[not shown: it holds an encoded secret]"
CODED = "S3cr\u00e9t/+9Zq4tR7w"
PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=7)


@pytest.mark.parametrize("encoded", ENCODED.values(), ids=ENCODED)
@given(before=PLAIN, after=PLAIN)
def test_a_message_hides_a_secret_inside_an_encoded_text(
    encoded: Callable[[bytes], str], before: str, after: str
) -> None:
    said = f"refused (422: 'x {encoded((before + CODED + after).encode())}')"
    shown = Redaction({CODED: "${env:A}"}).message(said)
    assert "encoded secret" in shown or (shown != said and encoded(CODED[-8:].encode()) not in shown)


@pytest.mark.parametrize("encoded", ENCODED.values(), ids=ENCODED)
def test_a_message_hides_the_beginning_of_a_truncated_encoded_secret(encoded: Callable[[bytes], str]) -> None:
    whole = encoded(b"S3cret-9Zq4tR7w")
    for end in range(len(encoded(b"S3cret")), len(whole)):
        shown = Redaction({"S3cret-9Zq4tR7w": "${env:A}"}).message(f"422: {whole[:end]}…")
        assert shown in {"422: ${env:A}…", '422: "${env:A}…', NOT_SHOWN}


@pytest.mark.parametrize("secret", ["ж7Ж", "ü✓", "🔑", "abcd"])
@given(before=PLAIN, after=PLAIN)
def test_a_message_hides_a_short_secret_inside_base64(secret: str, before: str, after: str) -> None:
    start, said = (base64.b64encode(text.encode()).decode() for text in (before, before + secret + after))
    assert Redaction({secret: "${env:A}"}).message(said) in {start + "${env:A}", NOT_SHOWN}


def test_a_message_keeps_text_that_only_looks_encoded() -> None:
    text = "50 %41 &amp; \\u0041 averages of memory_used/percent on web-server-1 A… and \\n"
    assert Redaction({"s3cret": "${env:A}", "a1": "${env:B}", "HOOK": "${env:HOOK_%41}"}).message(text) == text


@pytest.mark.parametrize("spelled", ["\u017f3cret", "S3CRET", "\u0130 s3cret"])  # a long s; a letter that folds to two
def test_a_message_hides_a_secret_in_any_letter_case(spelled: str) -> None:
    assert REDACTION.message(spelled).endswith("${env:A}")


@given(st.text("ab", min_size=6, max_size=40), st.text("ab", min_size=6, max_size=40), st.text("ab", max_size=200))
def test_a_message_hides_every_character_of_overlapping_secrets(one: str, other: str, text: str) -> None:
    said = Redaction({one: "1", other: "2"}).message(text)
    places = {at for secret in (one, other) for at in range(len(text)) if text.startswith(secret[:16], at)}
    hidden = {place for at in places for place in range(at, at + 6)}
    assert len(said.replace("1", "").replace("2", "")) <= len(text) - len({at for at in hidden if at < len(text)})


@pytest.mark.parametrize("more", ["", " and more", ", cut"])
def test_a_message_hides_the_beginning_of_a_long_secret_without_an_ellipsis(more: str) -> None:
    assert Redaction({"0123456789" * 3: "${env:A}"}).message(f"not {'0123456789' * 2}{more}") == f"not ${{env:A}}{more}"


@pytest.mark.parametrize("secrets", [("abcdefghijkl", "bcdefghijklm"), ("one-secret-1", "one-secret-2")])
def test_a_message_keeps_the_url_around_a_former_or_current_secret(secrets: tuple[str, str]) -> None:
    url, (former, now) = "https://hooks.example.org/", secrets
    said = Redaction({**values_in([{url + former: url + "${env:A}"}]), now: "${env:A}"}).message
    assert said(f"to {url}{now}") == said(f"to {url}{former}") == f"to {url}${{env:A}}"
    assert said(f"to {url}other") == f"to {url}other"


def test_a_message_hides_a_short_secret_only_in_its_exact_letter_case() -> None:
    short = Redaction({"Web": "${env:A}"})
    assert short.message("web Web V2Vi") == "web ${env:A} ${env:A}"
    assert Redaction({"Web": "${env:A}", "s3cret": "${env:B}"}).message("S3CRET WEB") == "${env:B} WEB"


def test_file_redaction_keeps_other_letter_cases_and_truncated_secrets() -> None:
    assert REDACTION.text("S3CRET s3cre...") == "S3CRET s3cre..."


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("yesterday", "s3cret", (HIDDEN, "${env:A}")),
        ("yesterday", "s3cret and s3cret-long", (HIDDEN, "${env:A} and ${env:B}")),
        ("x s3cret", "y s3cret", ("x ${env:A}", "y ${env:A}")),
        ({"a": "yesterday"}, {"a": "s3cret"}, (HIDDEN, {"a": "${env:A}"})),
        ("s3cret", "x", ("${env:A}", "x")),
        ("s3cret", ["s3cret", "x"], ("${env:A}", ["${env:A}", "x"])),
        (None, "s3cret", (None, "${env:A}")),
        ("x", True, ("x", True)),
    ],
)
def test_a_difference_hides_the_old_value_that_a_secret_replaces(
    before: Json, after: Json, shown: tuple[Json, Json]
) -> None:
    one = REDACTION.difference(replaced(("a",), before, refers(after)))
    assert (one.before, one.after) == shown


@pytest.mark.parametrize(
    ("before", "after"), [("yesterday", "s3cret"), ("x", "of s3cret-long"), ({"a": "yesterday"}, {"a": "s3cret"})]
)
def test_a_difference_shows_the_old_value_where_the_file_has_no_reference(before: Json, after: Json) -> None:
    one = REDACTION.difference(replaced(("a",), before, after))
    assert (one.before, one.after, one.masked) == (before, REDACTION.value(after), None)


def test_a_rotated_secret_shows_the_same_reference_and_is_marked_as_changed() -> None:
    former = Redaction({"yesterday": "${env:A}", "s3cret": "${env:A}"})
    cases: tuple[tuple[Json, Json, Json], ...] = (
        ("yesterday", "s3cret", "${env:A}"),
        ("x yesterday", "x s3cret", "x ${env:A}"),
        (["yesterday"], ["s3cret"], ["${env:A}"]),
    )
    for before, after, shown in cases:
        one = former.difference(replaced(("a",), before, refers(after)))
        assert one == masked("changed", replaced(("a",), shown, shown))
        assert former.difference(one) == one  # the report of an apply redacts again
    assert former.difference(replaced(("a",), "x", refers("x s3cret"))).masked == "unknown"
    assert former.difference(replaced(("a",), "x yesterday", "y yesterday")).masked is None
    assert former.difference(replaced(("a",), 1, True)).masked is None


def test_a_change_hides_an_item_removed_from_a_list_that_gains_a_secret() -> None:
    gone, other = FieldChange(("tags", 0), "remove", "yesterday"), FieldChange(("other", 0), "remove", "x")
    shown = REDACTION.change(change("update", "link/x", gone, other, added(("tags", 1), refers("s3cret"))))
    assert [one.before for one in shown.diff] == [HIDDEN, "x", None]
    assert shown.diff[2].after == "${env:A}"


def test_a_change_hides_a_kept_item_of_a_list_that_gains_a_secret() -> None:
    gone, comes = FieldChange(("tags", 0), "remove", "by hand"), added(("tags", 1), refers("s3cret"))
    shown = REDACTION.change(replace(change("update", "link/x", comes), kept=(gone,)))
    assert [one.before for one in (*shown.diff, *shown.kept)] == [None, HIDDEN]


def test_a_removed_item_is_hidden_only_where_the_added_item_has_a_secret_at_the_same_path() -> None:
    def before(path: Path, gone: Json, comes: Json) -> Json:
        removed_, added_ = removed((*path, "old"), gone), added((*path, "new"), refers(comes))
        items = removed((*path, 0), gone), added((*path, 1), refers(comes))
        field, _ = REDACTION.differences((removed_, added_))
        item, _ = REDACTION.differences(items)
        assert (field.before, field.masked) == (gone, None)  # a field of another name
        assert (item.masked == "unknown") == (item.before != gone)
        return item.before

    assert before((), "x", "s3cret") == HIDDEN
    assert before(("a",), {"to": "x"}, "s3cret") == HIDDEN
    assert before(("a",), "x", {"to": "s3cret"}) == "x"
    hook: Json = {"type": "webhook", "to": [{"url": "yesterday", "name": "y"}]}
    assert before(("a",), hook, {"type": "webhook", "to": [{"url": "s3cret"}]}) == {
        "type": "webhook",
        "to": [{"url": HIDDEN, "name": "y"}],
    }
    assert before(("a",), {"type": "mail", "mails": ["a"]}, {"type": "webhook", "url": "s3cret"}) == {
        "type": "mail",
        "mails": ["a"],
    }
    assert before(("a",), {"to": {"k": "y"}, "b": 2}, {"to": {"k": "s3cret"}}) == {"to": {"k": HIDDEN}, "b": 2}


LONG = {"s3cret-value": "A", "x ${env:A} yy": "B", "$${12345": "C"}
PIECES = st.lists(st.sampled_from([*LONG, "${env:A}", "${env:", "${", "}", "a", " "]), max_size=5).map("".join)


@given(PIECES)
def test_a_text_spelled_with_references_resolves_to_the_original(text: str) -> None:
    spelled = Redaction({value: f"${{env:{name}}}" for value, name in LONG.items()}).spelled({"a": [text, 1]})
    environ = {name: value for value, name in LONG.items()}
    assert resolve(spelled, Values({}, environ)).document == {"a": [text, 1]}
    assert not any(f" {value} " in f" {spelled} " for value in LONG)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("x s3cret-value, y", "x ${env:V}, y"),
        ("How to reproduce", "How to reproduce"),
        ("prod", "prod"),
        ("xs3cret-value s3cret-value1", "xs3cret-value s3cret-value1"),
        ("A prod", "A ${env:STAGE}"),
    ],
)
def test_spelling_uses_references_for_known_texts_and_for_separate_long_values(text: str, spelled: str) -> None:
    redaction = Redaction({"s3cret-value": "${env:V}", "prod": "${env:STAGE}"}).with_spellings(
        {"A prod": "A ${env:STAGE}"}
    )
    assert redaction.spelled({"a": [text]}) == {"a": [spelled]}
    assert redaction.spelled({text: 1}) == {spelled: 1}


@pytest.mark.parametrize(
    ("text", "spelling", "values"),
    [
        ("s3cret", "${env:A}", {"s3cret": "${env:A}"}),
        ("to s3cret!", "to ${env:A}!", {"s3cret": "${env:A}"}),
        ("${s3cret}", "$${${env:A}}", {"s3cret": "${env:A}"}),
        ("x/one/two", "x/${env:A}/${env:B}", {"one": "${env:A}", "two": "${env:B}"}),
        ("one two three", "${env:A} ${env:B}", {"one": "${env:A}", "two three": "${env:B}"}),
        ("onetwo!", "${env:A}${env:B}!", {"onetwo": "${env:A}${env:B}"}),
        ("another", "${env:A}/${env:B}", {"another": "${env:A}"}),
        ("no reference", "in it", {}),
    ],
)
def test_values_in_derives_secret_values_from_a_text_and_its_spelling(
    text: str, spelling: str, values: dict[str, str]
) -> None:
    assert values_in([{text: spelling}]) == values


def test_with_key_hides_the_api_key_and_ignores_an_empty_key() -> None:
    assert REDACTION.with_key("changeme").message("s3cret changeme") == "${env:A} [key]"
    assert REDACTION.with_key("") is REDACTION


def test_a_number_that_is_a_secret_is_not_shown() -> None:
    shown = Redaction({"4711": "${env:A}"}).difference(replaced(("a",), [4711, 47.5, True, {"b": 4711}], "x"))
    assert shown.before == ["${env:A}", 47.5, True, {"b": "${env:A}"}]


def test_redaction_keeps_the_indexes_of_a_moved_item() -> None:
    moved = FieldChange(("s3cret", 0), "replace", {"index": 1}, {"index": 0}, moved=True)
    assert Redaction({"1": "${env:A}", "s3cret": "${env:B}"}).difference(moved) == replace(moved, path=("${env:B}", 0))


def test_the_kept_differences_of_a_change_are_shown_without_secrets() -> None:
    made = replace(change("update", "rule/x"), kept=(replaced(("a",), "s3cret", 1),))
    assert REDACTION.change(made).kept == (replaced(("a",), "${env:A}", 1),)


def test_a_live_value_in_the_place_of_a_reference_is_treated_as_a_secret() -> None:
    assert REDACTION.difference(replaced(("a",), "the old secret", refers("s3cret"))) == masked(
        "unknown", replaced(("a",), HIDDEN, "${env:A}")
    )
    assert REDACTION.difference(added(("a",), "s3cret")) == added(("a",), "${env:A}")
    assert REDACTION.difference(replaced(("a",), "old", "new")) == replaced(("a",), "old", "new")


@given(PIECES)
def test_the_parts_of_a_text_join_to_the_text_and_mark_its_secrets(text: str) -> None:
    secrets = {value: f"${{env:{name}}}" for value, name in LONG.items()}
    parts = Redaction(secrets).parts(text)
    assert "".join(part for part, _ in parts) == text
    assert all(secrets[part] == how for part, how in parts if how)
    assert "".join(part for part, _ in NOTHING_SECRET.parts(text)) == text


def test_a_message_hides_a_secret_whose_key_part_is_already_redacted() -> None:
    knows = Redaction({"https://changeme@hooks": "${env:A}"}).with_key("changeme")
    assert knows.message(f"no https://{KEY}@hooks, {KEY}") == f"no ${{env:A}}, {KEY}"
