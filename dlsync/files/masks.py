"""Recognise texts that a server shows in place of a secret: ``****``, ``[REDACTED]``, ``****abcd``. Pure."""

import re
from collections.abc import Mapping

from dlsync.files.interpolation import split

_DOTS = r"*•●∙·█▪"
_WORD = r"(?:redacted|hidden|masked|filtered|sensitive|secret|obfuscated|encrypted|removed|not shown)"
_WORDS = rf"{_WORD}(?:[ _-](?:value|data|text|{_WORD}))?"
_MASK = rf"(?i:[{_DOTS}#x…]+|\.{{3,}}|[\W_]*{_WORDS}[\W_]*)"
_WHOLE = re.compile(_MASK)
# hardly any text but a mask holds these
_CERTAIN = re.compile(rf"[{_DOTS}]{{3,}}|[\[<({{]{_WORDS}[\]>)}}]", re.IGNORECASE)
_RUN = re.compile(rf"{_CERTAIN.pattern}|x{{4,}}|#{{4,}}", re.IGNORECASE)
_LONGEST = 4096  # characters; a mask is short


def may_be_masked(text: str) -> bool:
    """Whether a text may be a mask, or hold one."""
    return len(text) <= _LONGEST and bool(_WHOLE.fullmatch(text) or _RUN.search(text))


def is_certain(text: str) -> bool:
    """Whether a text almost certainly holds a mask."""
    return len(text) <= _LONGEST and _CERTAIN.search(text) is not None


def hides(text: str, spelling: str, values: Mapping[str, str]) -> bool:
    """Whether a live text is the text of a file with its secrets masked.

    :param spelling: the text in the file, with references such as ``${env:HOOK}``.
    :param values: of the references, if known; a mask that shows the ends of another value does not match.
    """
    if len(text) > _LONGEST:
        return False
    if _WHOLE.fullmatch(text):
        return True
    parts = split(spelling)
    pattern = "".join(
        f"(?:{_MASK}|{re.escape(values.get(part, part))})" if is_reference else re.escape(part)
        for part, is_reference in parts
    )
    return re.fullmatch(pattern, text) is not None or _shows_ends(text, parts, values)


def _shows_ends(text: str, parts: list[tuple[str, bool]], values: Mapping[str, str]) -> bool:
    """Whether a text shows only the beginning or the end of the only secret in a spelling."""
    references = [part for part, is_reference in parts if is_reference]
    if len(references) != 1:
        return False
    place = parts.index((references[0], True))
    before, after = ("".join(part for part, _ in some) for some in (parts[:place], parts[place + 1 :]))
    shown = text[len(before) : len(text) - len(after)]
    runs = [*_RUN.finditer(shown)]
    if before + shown + after != text or not runs:
        return False
    value = values.get(references[0])
    first, last = shown[: runs[0].start()], shown[runs[-1].end() :]
    return value is None or (value.startswith(first) and value.endswith(last) and len(first + last) < len(value))
