"""Documents with references to secrets: texts that know how the file spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlsync.files.interpolation import Referenced, joined
from dlsync.files.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Mapping


def referring(value: Any, secrets: Mapping[str, str]) -> Any:
    """Return a value of JSON with references in place of the secrets in its texts."""
    if isinstance(value, str):
        return _text(value, secrets)
    if isinstance(value, list):
        return [referring(item, secrets) for item in value]
    if isinstance(value, dict):
        return {key: referring(item, secrets) for key, item in value.items()}
    return value


def _text(text: str, secrets: Mapping[str, str]) -> str:
    found = min(((text.index(one), -len(one), one) for one in secrets if one in text), default=None)
    if found is None:
        return text
    start, _, secret = found
    rest = _text(text[start + len(secret) :], secrets)
    return joined([text[:start], Referenced(secret, secrets[secret]), rest])


def known(text: str, spelling: str) -> Redaction:
    """Return a redaction that knows one text as a whole."""
    return Redaction({}).with_spellings({text: spelling})
