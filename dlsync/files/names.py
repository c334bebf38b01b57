"""Convert resource names to file names and back, by a percent-encoding that suits every file system.

It encodes what NTFS, APFS or ext4 refuse or change: separators and Windows' wildcards, ``%`` itself, characters that
Unicode calls not printable (control, format and unassigned characters, lone surrogates), a dot or space at either end,
the device names of Windows, and text that is not normalised.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from dlsync.errors import DlsyncError
from dlsync.files.ignored import NOTHING_BUT_BUILT_IN

_FORBIDDEN = frozenset('/\\:*?"<>|%')
_SAFE_IN_LOWER_CASE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_. ")
# Microsoft, "Naming Files, Paths, and Namespaces": also before an extension, and with the superscript digits of Latin-1
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|\Z)")
_ENDS = re.compile(r"\A[. ]|[. ]\Z")
# `git mergetool` leaves files with such names, which are ignored
_MERGING = re.compile(r"(?<=_BACKUP|_REMOTE)_(?=[0-9])|(?<=_LOCAL)_(?=[0-9])|(?<=_BASE)_(?=[0-9])")
# the settings of a plugin, and frequent misspellings of their name
_META = re.compile(r"(?i)\.(?=meta\.(?:ya?ml|json|toml)(?:\.txt)?\Z)")


def file_stem(name: str) -> str:
    """Return the file stem for a resource's name; :func:`resource_name` is the inverse.

    :raises DlsyncError: the name is empty.
    """
    return _stem(name, lambda character: character.isprintable() and character not in _FORBIDDEN)


def resource_name(stem: str, *, encoded: bool = True) -> str:
    """Return the resource's name for a file stem; a ``%`` without two hex digits stays.

    :param encoded: False for file names without encoding, as in an old client's backup.
    :raises DlsyncError: the stem is not text, or its escapes are not UTF-8.
    """
    if not is_utf8(stem):
        raise DlsyncError(f"the file name {stem!a} is not UTF-8", hint="Rename the file.")
    if not encoded or (stem.isascii() and "%" not in stem):
        return stem
    try:
        return unquote(unicodedata.normalize("NFC", stem), errors="surrogatepass")
    except UnicodeDecodeError:
        message = f"the file name {stem!a} holds an escape that is not UTF-8"
        raise DlsyncError(message, hint="Write a % that stands for itself as %25.") from None


def distinct_stems(names: Iterable[str]) -> dict[str, str]:
    """Return a stem for each name; all stems differ, even on a file system that ignores case.

    If names differ only in case, their capitals are encoded: ``Redis`` and ``redis`` become ``%52edis``, ``redis``.
    """
    stems = {name: file_stem(name) for name in names}
    strict: set[str] = set()
    # a strict stem can clash with one that clashed with no other before ("i" with a dot, spelled in two ways)
    while True:
        seen = Counter(map(folded, stems.values()))
        clashing = {name for name, stem in stems.items() if seen[folded(stem)] > 1} - strict
        if not clashing:
            return stems
        stems |= {name: _stem(name, _SAFE_IN_LOWER_CASE.__contains__) for name in clashing}
        strict |= clashing


def plugin_file(stem: str, extension: str) -> str:
    """Return the file name of a plugin, given its stem and unencoded extension; :func:`plugin_name` is the inverse."""
    last = _composed((file_stem(extension) if extension else stem).replace(".", "%2E"))
    file_name = _META.sub("%2E", f"{stem}.{last}", count=1) if extension else last
    return file_name[:-1] + _escaped(file_name[-1]) if NOTHING_BUT_BUILT_IN(file_name) else file_name


def is_settings_file(file_name: str) -> bool:
    """Whether a file has the name of a plugin's settings, or a frequent misspelling of it, and so is no plugin."""
    return bool(_META.search(file_name))


def plugin_name(file_name: str, *, encoded: bool = True) -> tuple[str, str]:
    """Return the name and the extension of the plugin in a file, split at the last dot; see :func:`resource_name`."""
    stem, _, extension = file_name.rpartition(".")
    if not stem or not extension:
        return resource_name(file_name, encoded=encoded), ""
    return resource_name(stem, encoded=encoded), resource_name(extension, encoded=encoded)


def too_long(file_name: str) -> bool:
    """Whether a file name is longer than file systems allow: 255 bytes of UTF-8."""
    return len(file_name.encode("utf-8", "surrogatepass")) > 255  # noqa: PLR2004 - as the docstring says


def is_utf8(file_name: str) -> bool:
    """Whether a file name of the operating system is UTF-8; Python shows other bytes as lone surrogates."""
    return file_name.isascii() or not any("\ud800" <= character <= "\udfff" for character in file_name)


def _stem(name: str, keeps: Callable[[str], bool]) -> str:
    if not name:
        raise DlsyncError("a resource without a name cannot be a file", hint="Give it a name on the server.")
    stem = "".join(character if keeps(character) else _escaped(character) for character in name)
    stem = _ENDS.sub(lambda end: _escaped(end[0]), stem)
    stem = _MERGING.sub(_escaped("_"), _composed(stem))
    return _escaped(stem[0]) + stem[1:] if _RESERVED.match(stem) else stem


def _composed(stem: str) -> str:
    # an accent after the last hex digit of an escape is not normalised either
    if unicodedata.is_normalized("NFC", stem):
        return stem
    return "".join(character if character.isascii() else _escaped(character) for character in stem)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def folded(stem: str) -> str:
    """Fold a name as file systems that ignore case do: by Unicode's canonical caseless match (3.13, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", stem).casefold())
