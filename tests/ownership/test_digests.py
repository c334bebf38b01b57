"""Digests of documents: what is kept of secrets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dlsync.ownership.digests import former_secrets, secret_digests
from dlsync.redaction import Redaction

SALT = b"salt"
REFERENCE = "${env:TOKEN}"
ANY = st.text(st.sampled_from("${}env:var TOKEN$$\\\u00fc"), max_size=12)


@given(ANY, ANY, ANY.map("canary-{}-of-a-secret".format))
def test_a_text_with_a_secret_is_kept_as_its_reference_whatever_either_looks_like(
    before: str, after: str, secret: str
) -> None:
    document = {"url": f"{before}{secret}{after}", "title": before}
    kept = secret_digests(SALT, document, Redaction({secret: REFERENCE}))
    (spelled,) = kept.values()
    assert REFERENCE in spelled
    assert "canary" not in spelled
    assert former_secrets(SALT, document, kept) == {document["url"]: spelled}
