"""Take secrets out of values for the journal, so that a rollback can put them in again. Pure.

A text that holds a secret is stored as its parts: text, and the references of secrets. It thus differs from a text that
has a reference in it anyway, as a script may have.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from dlsync.diff.digests import digest
from dlsync.errors import DlsyncError
from dlsync.files.interpolation import Values, joined, names, resolve
from dlsync.files.redaction import Redaction
from dlsync.messages import visible
from dlsync.model import Json

_SEALED = "dlsync:sealed"
_REFERENCE = "reference"
_DIGEST = "digest"  # only of a value that was recognised by its content, not by its place
_MAPPING = "mapping"
_MENTION = "If it is your own, put the file back that used it, or mention it in a comment of dlsync.yaml."
_CHANGED = "the text before the run held the value of %s, which has another value now"
_SET_FORMER = "Set it to its former value, or restore the text by hand."
_BROKEN = "the journal is broken: it holds a secret in an unknown form"


@dataclass(frozen=True)
class Source:
    """Where secrets come from.

    :param names: of the environment variables that may be read; see :mod:`dlsync.operations.hidden_secrets`.
    :param salt: of the digests of values.
    """

    environ: Mapping[str, str] = field(repr=False)
    names: Collection[str]
    salt: bytes = b""


@dataclass(frozen=True)
class Seal:
    """How to take secrets out.

    :param salt: of the digests of values.
    """

    redaction: Redaction
    salt: bytes = b""


def sealed(value: Json, seal: Seal) -> Json:
    """Return the value with each text that holds a secret as its parts, keys of mappings included."""
    if isinstance(value, str):
        found = seal.redaction.parts(value)
        return value if all(how is None for _, how in found) else {_SEALED: [_part(*one, seal.salt) for one in found]}
    if isinstance(value, list):
        return [sealed(item, seal) for item in value]
    if isinstance(value, dict):
        return _sealed_mapping(value, seal)
    if seal.redaction.is_number(value) and isinstance(parts := sealed(repr(value), seal), dict):
        return parts
    return value


def _sealed_mapping(value: dict[str, Json], seal: Seal) -> Json:
    if _SEALED not in value and all(sealed(key, seal) == key for key in value):
        return {key: sealed(item, seal) for key, item in value.items()}
    return {_SEALED: {_MAPPING: [[sealed(key, seal), sealed(item, seal)] for key, item in value.items()]}}


def _part(text: str, how: str | None, salt: bytes) -> Json:
    if how is None:
        return text
    return {_REFERENCE: how, _DIGEST: digest(salt, text)} if text else {_REFERENCE: how}


def unsealed(value: Json, source: Source, secrets: dict[str, str]) -> Json:
    """Return the value of :func:`sealed` with the secrets that the environment has now.

    :param secrets: takes the values that were put in, each with its reference.
    :raises DlsyncError: a secret is not set, must not be read, or was recognised by a value that has changed; says
        which. Or the value is not one of :func:`sealed`.
    """
    match value:
        case list():
            return [unsealed(item, source, secrets) for item in value]
        case {"dlsync:sealed": [*parts]}:
            return joined(_unsealed_part(part, source, secrets) for part in parts)
        case {"dlsync:sealed": {"mapping": [*items]}}:
            return dict(_unsealed_item(item, source, secrets) for item in items)
        case dict() if _SEALED not in value:
            return {key: unsealed(item, source, secrets) for key, item in value.items()}
        case dict():
            raise DlsyncError(_BROKEN)
    return value


def _unsealed_item(item: Json, source: Source, secrets: dict[str, str]) -> tuple[str, Json]:
    match item:
        case [key, inner] if isinstance(plain := unsealed(key, source, secrets), str):
            return plain, unsealed(inner, source, secrets)
    raise DlsyncError(_BROKEN)


def _unsealed_part(part: Json, source: Source, secrets: dict[str, str]) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or not isinstance(reference := part.get(_REFERENCE), str):
        raise DlsyncError(_BROKEN)
    _require_readable(names(reference), source)
    resolved = resolve(reference, Values({}, source.environ))
    if resolved.faults:
        raise DlsyncError(_BROKEN)
    if _DIGEST in part and part[_DIGEST] != digest(source.salt, str(resolved.document)):
        raise DlsyncError(_CHANGED % visible(reference), hint=_SET_FORMER)
    secrets |= resolved.secrets
    return cast("str", resolved.document)


def _require_readable(wanted: Iterable[str], source: Source) -> None:
    for name in wanted:
        said = f"a secret was there before: ${{env:{visible(name)}}}"
        if name not in source.names:
            message = f"{said} is in no file of the directory, so it is not taken from the environment"
            raise DlsyncError(message, hint=_MENTION)
        if not source.environ.get(name):
            how = "empty" if name in source.environ else "not set"
            raise DlsyncError(f"{said} is {how} in the environment", hint="Set it, and try again.")
