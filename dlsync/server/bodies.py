"""Read request bodies: JSON, forms, uploads, and YAML with any content type.

The standard library parses forms, because Starlette's parser replaces bytes that are not UTF-8, takes a minute for 16
MB of ``&``, does not limit percent-escapes, and needs the boundary of an upload.
"""

import asyncio
import json
import logging
import re
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header
from starlette.requests import Request

from dlsync.server.operation import Call, Limits, Refusal, json_text
from dlsync.server.yaml_text import DEPTH

FORM = b"application/x-www-form-urlencoded"
UPLOAD = b"multipart/form-data"
FIELDS = 100  # of a form or an upload: in memory, a field is much larger than in the body
ESCAPES = 100_000  # `%xx` in a form, for the same reason
VALUES = 100_000  # of a JSON body, for the same reason
BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
# the Python example of the documentation uploads without the boundary in the content type; the body begins with it
_UPLOADED = re.compile(rb"--([^\r\n]{1,70})\r\nContent-Disposition:[ ]*form-data[;\s]", re.IGNORECASE)
_SILENT = logging.Logger("multipart", logging.CRITICAL)  # noqa: LOG001 -- a separate logger, so that no other is silenced


async def read(request: Request, limits: Limits) -> bytes:
    """Return the body.

    :raises Refusal: 413 as soon as it exceeds the limit; 408 if it is too slow; 415 if it is compressed.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "content-encoding: nothing but identity is read here; send the body as it is")
    too_long = Refusal(413, f"the body is longer than the {limits.body_bytes} bytes that this server reads")
    if int(request.headers.get("content-length", "0")) > limits.body_bytes:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    raise too_long
    except TimeoutError as error:
        raise Refusal(408, f"the body did not arrive within {limits.body_seconds} s") from error
    return bytes(body)


def fields(call: Call) -> dict[str, object]:
    """Return the fields of a JSON object, a form or an upload.

    The values of forms and uploads are texts; a repeated field is a list of texts.
    """
    kind, options = parse_options_header(call.headers.get("content-type"))
    if kind not in {FORM, UPLOAD}:
        return _json_object(call.body)
    pairs, files = (_form(call.body), []) if kind == FORM else _upload(options.get(b"boundary", b""), call.body)
    if files:
        raise Refusal(422, "the upload holds a file, where fields are expected")
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: texts if len(texts) > 1 else texts[0] for name, texts in values.items()}


def is_form(call: Call) -> bool:
    """Return whether the body is a form."""
    return parse_options_header(call.headers.get("content-type"))[0] == FORM


def _form(body: bytes) -> list[tuple[str, str]]:
    if body.count(b"%") > ESCAPES:
        raise Refusal(400, f"the form holds more than {ESCAPES} escapes; send JSON instead")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise Refusal(400, "the form cannot be read: {}", error) from error


def _json_object(body: bytes) -> dict[str, object]:
    if sum(map(body.count, b",[{")) > VALUES:
        raise Refusal(400, f"the body holds more than {VALUES} values")
    try:
        value = json_value(body)
    except ValueError as error:
        raise Refusal(400, "the body is not JSON that can be read: {}", error) from error
    if not isinstance(value, dict):
        raise Refusal(400, "the body is not a JSON object")
    return value


def json_value(text: bytes | str) -> object:
    """Parse JSON; raise a ValueError if it is invalid, or nested so deeply that a response could not hold it."""
    too_deep = ValueError(f"nested more than {DEPTH} levels deep")
    try:
        value: object = json.loads(text, object_pairs_hook=_unique_keys)
        json_text(value)
    except RecursionError:
        raise too_deep from None
    level = [value]
    for _ in range(DEPTH):
        collections = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in collections for inner in (one.values() if isinstance(one, dict) else one)]
    if any(isinstance(one, dict | list) for one in level):
        raise too_deep
    return value


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(value := dict(pairs)) < len(pairs):  # RFC 8259, 4: parsers disagree on its meaning
        raise ValueError("an object has a key twice")
    return value


def document(call: Call) -> bytes:
    """Return the YAML of a PUT with any content type: the body, or the uploaded file."""
    start = _UPLOADED.match(call.body)
    if start is None or not call.body.rstrip(b"\r\n").endswith(b"--" + start[1] + b"--"):
        return call.body
    _, files = _upload(start[1], call.body)
    if len(files) != 1:
        raise Refusal(422, f"an upload of {len(files)} files, where one is expected")
    return files[0]


def _upload(boundary: bytes, body: bytes) -> tuple[list[tuple[str, str]], list[bytes]]:
    parts: list[Field | File] = []

    def add(part: Field | File) -> None:
        parts.append(part)
        if len(parts) > FIELDS:
            raise FormParserError(f"more than {FIELDS} parts")

    try:
        # keeps files in memory, as the body is: a file on disk would be a second copy
        config = {"MAX_MEMORY_FILE_SIZE": len(body) + 1}
        parser = FormParser(UPLOAD.decode(), add, add, boundary=boundary, config=config)
        parser.logger = _SILENT  # its messages quote the client
        parser.write(body)
        parser.finalize()
        pairs = [
            ((part.field_name or b"").decode(), (part.value or b"").decode())
            for part in parts
            if hasattr(part, "value")
        ]
    except (FormParserError, UnicodeDecodeError) as error:
        raise Refusal(400, "the upload cannot be read: {}", error) from error
    files = [part.file_object for part in parts if not hasattr(part, "value")]
    for file in files:
        file.seek(0)
    return pairs, [file.read() for file in files]


def text(value: object, name: str) -> str:
    """Return a field's value; raise 422 unless it is text."""
    if not isinstance(value, str):
        raise Refusal(422, f"{name}: expected text, not {{}}", value)
    return value


def refuse_other_fields(fields: dict[str, object], *known: str) -> None:
    """Raise 422 for a field other than the known ones."""
    for name in sorted(fields.keys() - set(known)):
        raise Refusal(422, f"{{}}: unknown field; expected {' or '.join(known)}", name)


def boolean(value: object, name: str) -> bool:
    """Return a field's value, which may be a text of a form; raise 422 unless it is true or false."""
    parsed = BOOLEANS.get(value) if isinstance(value, str) else value
    if not isinstance(parsed, bool):
        raise Refusal(422, f"{name}: expected true or false, not {{}}", value)
    return parsed


def seconds(value: object, name: str, digits: int) -> int:
    """Return a value, which may be text, as seconds; raise 422 unless it is a whole number from 1 on."""
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not (text.isascii() and text.isdigit() and len(text) <= digits and int(text)):
        raise Refusal(422, f"{name}: expected a whole number of seconds, 1 or more, not {{}}", value)
    return int(text)


def required_name(fields: dict[str, object]) -> str:
    """Return the field ``name``; raise 422 if it is missing or empty."""
    name = text(fields.get("name", ""), "name")
    if not name:
        raise Refusal(422, "name: expected, and not empty")
    return name


def addressable(name: str) -> str:
    """Return the name of a new resource; raise 422 for ``.`` and ``..``, which clients remove from URLs."""
    if name in {".", ".."}:
        raise Refusal(422, "name: {} means a folder in a URL", name)
    return name


def names_list(value: object, name: str) -> list[str]:
    """Return a list of texts, or a text split at commas, without duplicates and empty texts."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise Refusal(422, f"{name}: expected a list of texts, not {{}}", value)
    return list(dict.fromkeys(item for item in (text(item, name).strip() for item in items) if item))
