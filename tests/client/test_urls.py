from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pyreqwest.http import Url

from dlsync.client.connection import segment
from dlsync.client.transport import base_url, is_loopback, likely_bases
from dlsync.errors import DlsyncError, SettingsError

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(names)
@example("...")
@example("a/../b")
@example("100% ?#\0\n")
def test_a_name_is_one_segment_that_reads_back_as_the_name(name: str) -> None:
    assume(name not in {".", ".."})
    encoded = segment(name)
    assert unquote(encoded) == name
    assert Url(f"https://h/{encoded}/x").path == f"/{encoded}/x"  # as it is sent
    assert not set("/?#\\") & set(encoded)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert " " not in encoded


def test_an_empty_name_is_refused_because_its_url_would_be_that_of_the_list() -> None:
    with pytest.raises(DlsyncError, match="empty"):
        segment("")


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_of_one_or_two_dots_is_refused(name: str) -> None:
    with pytest.raises(DlsyncError, match="cannot be part of a URL") as caught:
        segment(name)
    assert "Rename" in caught.value.hint


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
        ("HTTPS://Example.COM:443/api//", "https://example.com/api"),
        ("https://b\xfccher.example", "https://xn--bcher-kva.example"),
        ("http://127.1/api", "http://127.0.0.1/api"),
        ("http://127.0.0.1\\.evil.example", "http://127.0.0.1/.evil.example"),
    ],
)
def test_a_base_url_is_normalised_and_has_no_trailing_slash(url: str, base: str) -> None:
    assert base_url(url, insecure=False) == base


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "does not begin with http"),
        ("example.com/api", "does not begin with http"),
        ("ftp://example.com", "does not begin with http"),
        ("https:///api", "names no host"),
        ("https://me:pw@example.com", "user name or password"),
        ("https://example.com/?a=b", "query"),
        ("https://example.com/#top", "fragment"),
        ("https:/example.com/api", "names no host"),
        ("https://999.1.1.1/api", "cannot be read as a URL: invalid IPv4 address"),
        ("https://a b", "space"),
        ("https://exa mple.com", "space"),
        ("https://example.com/\x1b[31m", "control character"),
        ("https://example.com:port", "malformed"),
        ("https://[::1", "malformed"),
    ],
)
def test_an_invalid_base_url_is_refused_without_showing_its_password(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        base_url(url, insecure=False)
    assert "pw" not in caught.value.message
    assert "Set `url`" in caught.value.hint


def test_plain_http_to_another_host_is_refused_unless_insecure_is_set() -> None:
    with pytest.raises(SettingsError, match=r"plain HTTP.*example\.com"):
        base_url("http://example.com/api", insecure=False)
    assert base_url("http://example.com/api", insecure=True) == "http://example.com/api"


FOREIGN = [
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "0.0.0.0",
    "[::]",
    "localhost.",
    "localhost.localdomain",
    "[::ffff:192.0.2.1]",
    "[::2]",
    "127.0.0.1%2eevil.example",
    "l\u043ecalhost",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_host_that_only_looks_like_loopback_counts_as_another_host(host: str) -> None:
    with pytest.raises(SettingsError, match="plain HTTP"):
        base_url(f"http://{host}/api", insecure=False)
    assert base_url(f"http://{host}/api", insecure=True)


@pytest.mark.parametrize("host", ["127.0.0.1@evil.example", "127.0.0.1:80@evil.example"])
@pytest.mark.parametrize("insecure", [False, True])
def test_a_user_name_that_looks_like_a_loopback_host_is_refused(host: str, insecure: bool) -> None:
    with pytest.raises(SettingsError, match="user name or password"):
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
@example("127.0.0.1\\evil.example")
def test_an_accepted_plain_http_url_has_a_loopback_host_for_the_http_library_too(rest: str) -> None:
    try:
        base = base_url(f"http://{rest}", insecure=False)
    except SettingsError:
        return
    assert is_loopback((Url(base).host_str or "").strip("[]"))
    assert base_url(base, insecure=False) == base


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("a", False)],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


@pytest.mark.parametrize(
    ("base", "likely"),
    [
        ("https://h", ["https://h/api/v1"]),
        ("https://h/ui", ["https://h/ui/api/v1", "https://h/api/v1"]),
        ("https://h/api/v1/orgs/acme", ["https://h/api/v1"]),
        ("https://h/x/api/v1/orgs", ["https://h/x/api/v1", "https://h/api/v1"]),
        ("https://h/api/v1", []),
    ],
)
def test_a_url_with_a_missing_or_extra_path_has_likely_corrections(base: str, likely: list[str]) -> None:
    assert likely_bases(base) == likely
