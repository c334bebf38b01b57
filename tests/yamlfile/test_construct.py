"""The core schema of YAML 1.2, narrowed to JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.yamlfile import InvalidYaml, parse
from dlsync.yamlfile.matching import same

if TYPE_CHECKING:
    from dlsync.model import Json

STRINGS = "yes no on off y n nUll tRue 1_000 _1 0b11 -0o7 +0x1f 0X1F 12:30:45 2001-01-01 10.0.0.1 .e3 1e inf = << ٣"
DIGITS = "1" * 4300


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, text) for text in STRINGS.split()],
        *[(text, None) for text in ("~", "null", "Null", "NULL", "!!null ''")],
        *[(text, True) for text in ("true", "True", "TRUE", "!!bool true")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("012", 12), ("-012", -12), ("+1", 1), ("0o10", 8), ("0x1F", 31), ("!!int '7'", 7), (DIGITS, int(DIGITS))],
        *[(".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-1.5E-3", -0.0015), ("1.e+3", 1000.0), ("!!float 1", 1.0)],
        *[("!!str 1", "1"), ('!!str "1"', "1"), ("!!seq [a]", ["a"]), ("!!map {a: 1}", {"a": 1})],
        *[('"\\uD83D\\uDE00"', "😀"), ("<<: {a: 1}", {"<<": {"a": 1}})],
        ("- &k a\n- *k : c\n", ["a", {"a": "c"}]),
    ],
)
def test_a_text_means_what_yaml_1_2_says(text: str, value: Json) -> None:
    assert same(parse(text.encode()), value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".inf", "1:1: found .inf; expected a finite number"),
        ("a: [1, .NaN]", "1:8: found .NaN; expected a finite number"),
        ("a: 1e999", "1:4: found 1e999; expected a finite number"),
        ("1" * 4301, f"1:1: found {'1' * 40}…; expected an integer of at most 4,300 digits"),
        ("!!int x", "1:1: found !!int x; expected an integer of at most 4,300 digits"),
        ("!!bool yes", "1:1: found !!bool yes; expected true or false"),
        ("!!null x", "1:1: found !!null x; expected null"),
        ("!!float x", "1:1: found !!float x; expected a finite number"),
        ('"\\uD800"', "1:1: found \\ud800; half of a surrogate pair is no character"),
        ("a: 1\nb: 2\n'a': 3", "3:1: the key 'a' is on line 1 already; line 3 repeats it"),
        ("1: a", "1:1: found 1 as a key; expected a string: put it in quotes"),
        ("a:\n  true: b", "2:3: found true as a key; expected a string: put it in quotes"),
        (": a", "1:1: found nothing as a key; expected a string: put it in quotes"),
        ("[a]: b", "1:1: found a list as a key; expected a string"),
        ("{a: b}: c", "1:1: found a mapping as a key; expected a string"),
        ("!!set {a}", "1:1: found the tag !!set on a mapping; expected no tag"),
        ("a: !!omap [b]", "1:4: found the tag !!omap on a list; expected no tag"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_its_name(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message


@pytest.mark.parametrize("tag", ["!x", "!", "!!binary", "!!timestamp", "!!python/object:os.system", "!<x>"])
def test_every_tag_but_those_of_the_core_schema_is_refused(tag: str) -> None:
    with pytest.raises(InvalidYaml, match="this tag is unknown; expected no tag, or one of YAML's core schema"):
        parse(f"a: {tag} x".encode())
