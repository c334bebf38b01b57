from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.client.paths import base_url, is_loopback, origin_of, segment
from dlsync.errors import DlsyncError, SettingsError

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(names)
@example(".")
@example("..")
@example("a/../b")
@example("100% ?#\0\n")
def test_a_name_is_one_segment_that_reads_back_as_the_name(name: str) -> None:
    encoded = segment(name)
    assert unquote(encoded) == name
    assert encoded not in {".", ".."}
    assert not set("/?#\\") & set(encoded)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert " " not in encoded


def test_an_empty_name_is_refused_because_it_would_mean_all_of_the_kind() -> None:
    with pytest.raises(DlsyncError, match="empty"):
        segment("")


def test_half_a_surrogate_pair_is_refused_and_named_in_ascii() -> None:
    with pytest.raises(DlsyncError, match=r"'a\\ud800'"):
        segment("a\ud800")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://example.com/api/v1", "https://example.com/api/v1"),
        ("https://example.com:8443/api/v1/", "https://example.com:8443/api/v1"),
        ("https://example.com", "https://example.com"),
        ("https://example.com/a b".replace(" ", "\u00e9"), "https://example.com/a%C3%A9b"),
        ("http://127.0.0.1:8080/api/v1", "http://127.0.0.1:8080/api/v1"),
        ("http://[::1]:8080/api/v1", "http://[::1]:8080/api/v1"),
        ("http://localhost/api", "http://localhost/api"),
    ],
)
def test_a_base_url_has_no_slash_at_its_end(url: str, base: str) -> None:
    assert base_url(url, insecure=False) == base


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "not an HTTP address"),
        ("example.com/api", "not an HTTP address"),
        ("ftp://example.com", "not an HTTP address"),
        ("https:///api", "not an HTTP address"),
        ("https://me:pw@example.com", "user or a password"),
        ("https://example.com/?a=b", "query"),
        ("https://example.com/#top", "fragment"),
        ("https://exa mple.com", "space"),
        ("https://example.com/\x1b[31m", "control character"),
        ("https://example.com:port", "cannot be read"),
        ("https://[::1", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_a_base_is_refused_without_being_echoed(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        base_url(url, insecure=False)
    assert "pw" not in caught.value.message
    assert "Set `url`" in caught.value.hint


def test_the_key_does_not_cross_a_network_in_plain_text_unless_told_to() -> None:
    with pytest.raises(SettingsError, match=r"plain HTTP.*example\.com"):
        base_url("http://example.com/api", insecure=False)
    assert base_url("http://example.com/api", insecure=True) == "http://example.com/api"


FOREIGN = [
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example,127.0.0.1",
    "evil.example;localhost",
    "0.0.0.0",
    "[::]",
    "2130706433",
    "127.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost.",
    "localhost.localdomain",
    "[::ffff:192.0.2.1]",
    "[::2]",
    "127.0.0.1%2eevil.example",
    "localhost%00.evil.example",
    "127.0.0.1\\.evil.example",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "\u24dbocalhost",
    "l\u043ecalhost",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_host_that_only_looks_like_this_machine_is_another(host: str) -> None:
    with pytest.raises(SettingsError, match="plain HTTP"):
        base_url(f"http://{host}/api", insecure=False)
    assert base_url(f"http://{host}/api", insecure=True)


@pytest.mark.parametrize("host", ["127.0.0.1@evil.example", "127.0.0.1:80@evil.example", "127.0.0.1\\@evil.example"])
@pytest.mark.parametrize("insecure", [False, True])
def test_nobody_is_this_machine_s_user(host: str, insecure: bool) -> None:
    with pytest.raises(SettingsError, match="user or a password"):
        base_url(f"http://{host}", insecure=insecure)


PARTS = st.sampled_from(
    ["127.0.0.1", "localhost", "[::1]", "evil.example", "::1", "[", "]", ":80", ":", "@", "\\", "/"]
)


@given(
    st.lists(PARTS | st.sampled_from([*".%;,?#!1\u3002\uff0f\uff1a\uff20"]) | st.text(max_size=2), max_size=6).map(
        "".join
    )
)
@example("[::1].evil.example")
@example("[::1]evil.example:80")
@example("127.0.0.1\\evil.example")
def test_a_key_in_plain_text_goes_to_this_machine_also_as_the_wire_reads_the_url(rest: str) -> None:
    try:
        origin = origin_of(base_url(f"http://{rest}", insecure=False))
    except SettingsError:
        return
    assert is_loopback(origin.host)
    assert origin.bracketed == origin.authority.lower().removesuffix(f":{origin.port}").removesuffix(":")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://app.dataloop.io/api/v1", ("https", "app.dataloop.io", 443, "app.dataloop.io", "/api/v1")),
        ("http://LOCALHOST:8080", ("http", "localhost", 8080, "LOCALHOST:8080", "")),
        ("http://[::1]:80/a", ("http", "::1", 80, "[::1]:80", "/a")),
        ("https://127.0.0.1", ("https", "127.0.0.1", 443, "127.0.0.1", "")),
        ("https://a-1.b_2.example.:9/", ("https", "a-1.b_2.example.", 9, "a-1.b_2.example.:9", "")),
    ],
)
def test_a_base_url_leads_to_one_host_and_port(url: str, origin: tuple[object, ...]) -> None:
    assert origin_of(base_url(url, insecure=True)) == origin


@pytest.mark.parametrize(
    "host",
    [
        "b\xfccher.example",
        "999.1.1.1",
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "a..b",
        "a,b",
        "a;b",
        "a%2eb",
        "x" * 64,
        "[::1].evil.example",
        "[1.2.3.4",
        "[12345::]",
    ],
)
def test_a_host_that_two_could_read_as_two_is_none(host: str) -> None:
    with pytest.raises(SettingsError, match=r"`url` cannot be (used|read)") as caught:
        origin_of(base_url(f"https://{host}", insecure=False))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("a", False)],
)
def test_loopback_is_this_machine_alone(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
