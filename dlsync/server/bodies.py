"""Read the bodies that clients send: JSON, forms, uploads, YAML under any content type.

Forms are read by the standard library: Starlette's parser replaces bytes that are no UTF-8 without an error, takes a
minute for a body of 16 MB that is all ``&``, and does not limit percent-escapes. It needs a boundary for an upload.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header

from dlsync.server.operation import fault, json_text

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File
    from starlette.requests import Request

    from dlsync.server.limits import Limits
    from dlsync.server.operation import Call

FORM = b"application/x-www-form-urlencoded"
UPLOAD = b"multipart/form-data"
FIELDS = 100  # of a form or an upload: each costs far more memory than it has bytes
ESCAPES = 100_000  # `%xx` of a form, likewise
VALUES = 100_000  # of a JSON body, likewise
BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
# the documentation's python example uploads under a content type without a boundary: the body tells it
_UPLOADED = re.compile(rb"--([^\r\n]{1,70})\r\nContent-Disposition:[ ]*form-data[;\s]", re.IGNORECASE)


_SILENT = logging.Logger("multipart", logging.CRITICAL)  # noqa: LOG001 -- of no tree: nobody else is silenced


async def read(request: Request, limits: Limits) -> bytes:
    """Return the body.

    :raises Fault: 413 as soon as it is longer than the limits allow, whether or not its length was announced; 408 if it
        does not arrive in time; 415 if it is compressed.
    """
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise fault(415, "content-encoding: nothing but identity is read here; send the body as it is")
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read_bounded(request, limits.body_bytes)
    except TimeoutError as error:
        raise fault(408, f"the body did not arrive within {limits.body_seconds} s") from error


async def _read_bounded(request: Request, limit: int) -> bytes:
    too_long = fault(413, f"the body is longer than the {limit} bytes that this server reads")
    if int(request.headers.get("content-length", "0")) > limit:
        raise too_long
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_long
    return bytes(body)


def fields(call: Call) -> dict[str, object]:
    """Return the fields of a JSON object, a form or an upload.

    The values of a form are texts; :func:`boolean` reads one of those. A field that it repeats is a list of texts.
    """
    kind, options = parse_options_header(call.headers.get("content-type"))
    if is_form(call):
        return _form(call.body)
    if kind != UPLOAD:
        return _json_object(call.body)
    pairs, files = _upload(options.get(b"boundary", b""), call.body)
    if files:
        raise fault(422, "the upload holds a file, where fields are expected")
    return _with_lists(pairs)


def is_form(call: Call) -> bool:
    """Return whether the body is a form."""
    kind, _ = parse_options_header(call.headers.get("content-type"))
    return kind == FORM


def _form(body: bytes) -> dict[str, object]:
    if body.count(b"%") > ESCAPES:
        raise fault(400, f"the form holds more than {ESCAPES} escapes; send JSON instead")
    try:
        return _with_lists(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS))
    except ValueError as error:
        raise fault(400, "the form cannot be read: {}", error) from error


def _with_lists(pairs: list[tuple[str, str]]) -> dict[str, object]:
    values = defaultdict[str, list[str]](list)
    for name, value in pairs:
        values[name].append(value)
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}


def _json_object(body: bytes) -> dict[str, object]:
    if sum(map(body.count, b",[{")) > VALUES:
        raise fault(400, f"the body holds more than {VALUES} values")
    try:
        value = json.loads(body, object_pairs_hook=_object)
        json_text(value)
    except (ValueError, RecursionError) as error:
        raise fault(400, "the body is not JSON that can be read: {}", error) from error
    if not isinstance(value, dict):
        raise fault(400, "the body is not a JSON object")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):  # RFC 8259, 4: what it means differs from reader to reader
        raise ValueError("an object has a key twice")
    return found


def document(call: Call) -> bytes:
    """Return the YAML of a PUT as it was written, whatever its content type says: the body, or the file uploaded."""
    start = _UPLOADED.match(call.body)
    if start is None or not call.body.rstrip(b"\r\n").endswith(b"--" + start[1] + b"--"):
        return call.body
    _, files = _upload(start[1], call.body)
    if len(files) != 1:
        raise fault(422, f"an upload of {len(files)} files, where one is expected")
    return files[0]


def _upload(boundary: bytes, body: bytes) -> tuple[list[tuple[str, str]], list[bytes]]:
    pairs: list[tuple[str, str]] = []
    files: list[bytes] = []
    parts = 0

    def count() -> None:
        nonlocal parts
        parts += 1
        if parts > FIELDS:
            raise FormParserError(f"more than {FIELDS} parts")

    def on_field(item: Field) -> None:
        count()
        pairs.append(((item.field_name or b"").decode(), (item.value or b"").decode()))

    def on_file(item: File) -> None:
        count()
        item.file_object.seek(0)
        files.append(item.file_object.read())

    try:
        # the body is in memory already: a file on disk would be a second copy
        parser = FormParser(
            UPLOAD.decode(), on_field, on_file, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(body) + 1}
        )
        parser.logger = _SILENT  # it quotes the client
        parser.write(body)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError) as error:
        raise fault(400, "the upload cannot be read: {}", error) from error
    return pairs, files


def text(value: object, name: str) -> str:
    """Return a field's value, which is text."""
    if not isinstance(value, str):
        raise fault(422, f"{name}: expected text, not {{}}", value)
    return value


def refuse_other_fields(fields: dict[str, object], *known: str) -> None:
    """Raise 422 for a field that the operation neither uses nor stores."""
    for name in sorted(fields.keys() - set(known)):
        raise fault(422, f"{{}}: unknown field; expected {' or '.join(known)}", name)


def boolean(value: object, name: str) -> bool:
    """Return a field's value, which is true or false; a form has it as text."""
    found = BOOLEANS.get(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise fault(422, f"{name}: expected true or false, not {{}}", value)
    return found


def required_name(given: dict[str, object]) -> str:
    """Return the field ``name``, which is there and not empty."""
    name = text(given.get("name", ""), "name")
    if not name:
        raise fault(422, "name: expected, and not empty")
    return name


def addressable(name: str) -> str:
    """Return the name of something new; ``.`` and ``..`` are refused, since clients take them for folders of a URL."""
    if name in {".", ".."}:
        raise fault(422, "name: {} means a folder in a URL", name)
    return name


def names_list(value: object, name: str) -> list[str]:
    """Return a list of texts, sent as such or, in a form, separated by commas; without doubles, in order."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise fault(422, f"{name}: expected a list of texts, not {{}}", value)
    return list(dict.fromkeys(item for item in (text(item, name).strip() for item in items) if item))
