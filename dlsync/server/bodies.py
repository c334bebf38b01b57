"""Reading what clients send: JSON, forms, uploads, YAML under any content type."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header

from dlsync.server.operation import fault, json_text

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File
    from starlette.requests import Request

    from dlsync.server.operation import Call

FORM = b"application/x-www-form-urlencoded"
UPLOAD = b"multipart/form-data"
FIELDS = 100  # of a form or an upload: each costs far more memory than it has bytes
VALUES = 100_000  # of a JSON body, likewise
# the documentation's python example uploads under a content type without a boundary: the body tells it
_UPLOADED = re.compile(rb"--([^\r\n]{1,70})\r\nContent-Disposition:[ ]*form-data[;\s]", re.IGNORECASE)


_SILENT = logging.Logger("multipart", logging.CRITICAL)  # noqa: LOG001 -- of no tree: nobody else is silenced


async def read(request: Request, limit: int) -> bytes:
    """Return the body; 413 as soon as it is longer than ``limit`` bytes, whether or not its length was announced."""
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise fault(415, "content-encoding: nothing but identity is read here; send the body as it is")
    too_long = fault(413, f"the body is longer than the {limit} bytes that this server reads")
    length = request.headers.get("content-length", "0")
    if int(length) > limit:
        raise too_long
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_long
    return bytes(body)


def fields(call: Call) -> dict[str, object]:
    """Return the fields of a body, which is a JSON object or a form; a form's values are text."""
    kind, options = parse_options_header(call.headers.get("content-type"))
    if kind == FORM:
        return _form(call.body)
    return _upload(options.get(b"boundary", b""), call.body)[0] if kind == UPLOAD else _json_object(call.body)


def _form(body: bytes) -> dict[str, object]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS))
    except ValueError as error:
        raise fault(400, "the form cannot be read: {}", error) from error


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


def _upload(boundary: bytes, body: bytes) -> tuple[dict[str, object], list[bytes]]:
    found: dict[str, object] = {}
    files: list[bytes] = []
    parts = 0

    def count() -> None:
        nonlocal parts
        parts += 1
        if parts > FIELDS:
            raise FormParserError(f"more than {FIELDS} parts")

    def on_field(item: Field) -> None:
        count()
        found[(item.field_name or b"").decode()] = (item.value or b"").decode()

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
    return found, files


def text(value: object, name: str) -> str:
    """Return a field's value, which is text."""
    if not isinstance(value, str):
        raise fault(422, f"{name}: expected text, not {{}}", value)
    return value


def refuse_other_fields(fields: dict[str, object], *known: str) -> None:
    """Raise 422 for a field that the operation neither uses nor stores."""
    for name in sorted(fields.keys() - set(known)):
        raise fault(422, f"{{}}: unknown field; expected {' or '.join(known)}", name)


def required_name(given: dict[str, object]) -> str:
    """Return the field ``name``, which is there and not empty."""
    name = text(given.get("name", ""), "name")
    if not name:
        raise fault(422, "name: expected, and not empty")
    return name


def names_list(value: object, name: str) -> list[str]:
    """Return a list of texts, sent as such or, in a form, separated by commas; without doubles, in order."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise fault(422, f"{name}: expected a list of texts, not {{}}", value)
    return list(dict.fromkeys(item for item in (text(item, name).strip() for item in items) if item))
