"""Conversion of resource names to file names and back."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.files.names import (
    distinct_stems,
    file_stem,
    is_settings_file,
    is_utf8,
    plugin_file,
    plugin_name,
    resource_name,
    too_long,
)

NAMES = st.text(st.characters(), min_size=1, max_size=20)
AWKWARD = st.text(
    st.sampled_from("aAkK\u212aiI\u0130\u0131sS\u017f\u00dfhH\u1e96\u0331\u0307:%. \u0301\u0327"),
    min_size=1,
    max_size=6,
)
DEVICES = st.tuples(
    st.sampled_from(["con", "Com1", "LPT\u00b9", "nul"]), st.sampled_from(["", ".", ".x", " ", " .x", "x"])
)
ANY_NAME = NAMES | AWKWARD | DEVICES.map("".join)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("redis", "redis"),
        ("disk full (eu-west)", "disk full (eu-west)"),
        ("caf\u00e9", "caf\u00e9"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ('<:*?">|', "%3C%3A%2A%3F%22%3E%7C"),
        ("100%", "100%25"),
        ("..", "%2E%2E"),
        (".hidden", "%2Ehidden"),
        (" a.b ", "%20a.b%20"),
        ("a\n\x1b\x7f\x85", "a%0A%1B%7F%C2%85"),
        ("evil\u202ename", "evil%E2%80%AEname"),
        ("cafe\u0301", "cafe%CC%81"),
        (":\u0301", "%3A%CC%81"),
        ("\ud800", "%ED%A0%80"),
        ("CON", "%43ON"),
        ("con.x", "%63on.x"),
        ("aux .x", "%61ux .x"),
        ("com\u00b2", "%63om\u00b2"),
        ("lpt0", "%6Cpt0"),
        ("console", "console"),
    ],
)
def test_a_stem_encodes_only_characters_that_some_file_system_cannot_hold(name: str, stem: str) -> None:
    assert file_stem(name) == stem
    assert resource_name(stem) == name


@given(ANY_NAME)
def test_a_stem_decodes_to_its_name(name: str) -> None:
    assert resource_name(file_stem(name)) == name


@given(ANY_NAME)
def test_a_stem_decodes_to_its_name_after_unicode_decomposition(name: str) -> None:
    assert resource_name(unicodedata.normalize("NFD", file_stem(name))) == name


@given(ANY_NAME)
def test_a_stem_is_a_safe_file_name(name: str) -> None:
    stem = file_stem(name)
    assert not set(stem) & set('/\\:*?"<>|')
    assert stem.isprintable()
    assert stem.strip(" .")[:1] == stem[:1] != ""
    assert stem[-1] not in " ."
    assert stem == unicodedata.normalize("NFC", stem)


@pytest.mark.parametrize("stem", ["100%", "%", "%4", "50%zz", "a%"])
def test_a_percent_sign_without_hex_digits_after_it_is_kept(stem: str) -> None:
    assert resource_name(stem) == stem


def test_escapes_in_lower_case_are_understood() -> None:
    assert resource_name("a%2fb%c3%a9") == "a/b\u00e9"


@pytest.mark.parametrize("stem", ["%ff", "50%ab", "%C3\u00e9"])
def test_escapes_that_are_not_utf_8_are_refused_with_a_hint(stem: str) -> None:
    with pytest.raises(DlsyncError, match="that is not UTF-8") as raised:
        resource_name(stem)
    assert raised.value.hint == "Write a % that stands for itself as %25."


def test_a_file_name_that_is_not_utf_8_is_refused_without_its_raw_bytes_in_the_message() -> None:
    with pytest.raises(DlsyncError, match=r"^the file name 'a\\udcff' is not UTF-8$"):
        resource_name(b"a\xff".decode("utf-8", "surrogateescape"))


def test_an_empty_resource_name_is_refused() -> None:
    with pytest.raises(DlsyncError, match="without a name"):
        file_stem("")
    with pytest.raises(DlsyncError, match="without a name"):
        distinct_stems(["redis", ""])


def test_names_that_differ_in_case_alone_have_their_capitals_encoded() -> None:
    assert distinct_stems(["Redis", "redis", "Kafka"]) == {"Redis": "%52edis", "redis": "redis", "Kafka": "Kafka"}


@given(st.lists(AWKWARD | ANY_NAME, max_size=12))
@example(["I\u0307", "i\u0307", "\u0130"])
@example(["CON", "con", "Con"])
def test_distinct_names_have_stems_that_differ_by_more_than_case(names: list[str]) -> None:
    stems = distinct_stems(names)
    folded = {unicodedata.normalize("NFC", stem.casefold()) for stem in stems.values()}
    assert len(folded) == len(set(names))
    assert {resource_name(stem): stem for stem in stems.values()} == stems


@given(
    st.lists(AWKWARD, max_size=12, unique=True).flatmap(lambda names: st.tuples(st.just(names), st.permutations(names)))
)
def test_distinct_stems_do_not_depend_on_the_order_of_the_names(names: tuple[list[str], list[str]]) -> None:
    assert distinct_stems(names[0]) == distinct_stems(names[1])


@pytest.mark.parametrize(
    ("name", "extension", "file_name"),
    [
        ("redis", "py", "redis.py"),
        ("redis", "", "redis"),
        ("a.b", "sh", "a.b.sh"),
        ("a.b", "", "a%2Eb"),
        ("x.meta", "yaml", "x%2Emeta.yaml"),
        ("x.Meta", "YAML", "x%2EMeta.YAML"),
        ("x.meta", "yml", "x%2Emeta.yml"),
        ("x.meta.yaml", "txt", "x%2Emeta.yaml.txt"),
        ("meta", "yaml", "meta.yaml"),
        ("x", "meta.yaml", "x.meta%2Eyaml"),
        ("x", "../x", "x.%2E%2E%2Fx"),
        ("x", ".py", "x.%2Epy"),
    ],
)
def test_a_plugin_file_name_joins_name_and_extension_with_a_dot(name: str, extension: str, file_name: str) -> None:
    assert plugin_file(file_stem(name), extension) == file_name
    assert plugin_name(file_name) == (name, extension)


@example("0.\u0327", "")
@example("x", "0.\u0327")
@given(ANY_NAME, st.just("") | ANY_NAME | st.sampled_from(["meta.yaml", "yaml", "YAML", "yml"]))
def test_a_plugin_file_name_decodes_to_name_and_extension_and_is_never_a_settings_file(
    name: str, extension: str
) -> None:
    file_name = plugin_file(file_stem(name), extension)
    assert plugin_name(file_name) == (name, extension)
    assert not is_settings_file(file_name)
    assert not set(file_name) & set('/\\:*?"<>|')
    assert file_name[0] not in ". "
    assert file_name[-1] not in ". "


@pytest.mark.parametrize("file_name", ["Makefile", ".hidden", "trailing."])
def test_a_plugin_file_without_an_extension_is_named_by_its_whole_file_name(file_name: str) -> None:
    assert plugin_name(file_name) == (file_name, "")


def test_a_file_name_is_too_long_from_256_bytes_of_utf_8() -> None:
    assert not too_long("x" * 255)
    assert too_long("\u00e9" * 128)


def test_is_utf8_rejects_a_file_name_with_invalid_bytes() -> None:
    assert is_utf8("caf\u00e9")
    assert not is_utf8(b"a\xff".decode("utf-8", "surrogateescape"))
