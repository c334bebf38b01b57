"""Values kept with their secrets taken out, so that they can be put in again: for the journal. Pure.

A text that holds a secret is kept as its parts: text, and the references that secrets come from. Unlike a redacted text
it can be told from one that has a reference in it by nature, as a script may have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError
from dlsync.references import Values, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json
    from dlsync.redaction import Redaction

_SEALED = "dlsync:sealed"
_AS_IT_IS = "dlsync:mapping"
_REFERENCE = "reference"


def sealed(value: Json, redaction: Redaction) -> Json:
    """Return the value with every text that holds a secret in parts.

    :param redaction: knows the secrets.
    """
    if isinstance(value, str):
        parts = redaction.parts(value)
        return value if all(how is None for _, how in parts) else {_SEALED: [_part(*one) for one in parts]}
    if isinstance(value, list):
        return [sealed(item, redaction) for item in value]
    if isinstance(value, dict):
        kept: Json = {redaction.text(key): sealed(item, redaction) for key, item in value.items()}
        # a server's own mapping of this form would have a rollback send it what the environment has
        return {_AS_IT_IS: kept} if _SEALED in value or _AS_IT_IS in value else kept
    if redaction.is_number(value):
        return sealed(repr(value), redaction)
    return value


def _part(text: str, how: str | None) -> Json:
    return text if how is None else {_REFERENCE: how}


def unsealed(value: Json, environ: Mapping[str, str], secrets: dict[str, str]) -> Json:
    """Return the value with its secrets, as the environment has them now.

    :param secrets: is given the values that were put in, each with its reference.
    :raises DlsyncError: one is not set; says which.
    """
    if isinstance(value, list):
        return [unsealed(item, environ, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_AS_IT_IS} and isinstance(kept := value[_AS_IT_IS], dict):
        return {key: unsealed(item, environ, secrets) for key, item in kept.items()}
    if value.keys() == {_SEALED} and isinstance(parts := value[_SEALED], list):
        return "".join(_meant(part, Values({}, environ), secrets) for part in parts)
    return {key: unsealed(item, environ, secrets) for key, item in value.items()}


def _meant(part: Json, values: Values, secrets: dict[str, str]) -> str:
    if isinstance(part, str):
        return part
    reference = part.get(_REFERENCE) if isinstance(part, dict) else None
    resolved = resolve(reference, values)
    secrets |= resolved.secrets
    if resolved.faults or not isinstance(resolved.document, str):
        raise DlsyncError(
            f"a secret was there before: {reference} is not set in the environment", hint="Set it, and try again."
        )
    return resolved.document
