"""Render the files that an export writes, and the files as an apply sends them."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from dlsync.messages import counted, visible
from dlsync.model import Json
from dlsync.operations.export import Export
from dlsync.operations.render import SentFile
from dlsync.render.table import Style, painter

_ABBREVIATED = 12  # characters of a commit
_STYLES: dict[str, tuple[str, Style]] = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def render_export(export: Export, *, written: bool, color: bool, accepts: bool = False) -> str:
    """Return a line for each file, and the counts.

    :param written: False if the files were only compared.
    :param accepts: whether only changes made on the server are written.
    """
    paint = painter(color=color)
    lines = []
    for file in export.files:
        sign, style = _STYLES[file.action]
        lines.append(paint(f"{sign} {visible(file.file)}", style))
    if lines:
        lines.append("")
    lines.append(paint(summary(export, written=written, accepts=accepts), "bold"))
    if export.commit:
        lines.append(f"Committed as {export.commit[:_ABBREVIATED]}.")
    return "\n".join(lines) + "\n"


def summary(export: Export, *, written: bool, accepts: bool = False) -> str:
    """Return the last line of an export; parameters as for :func:`render_export`."""
    counts, account = export.summary, visible(f"{export.target.org}/{export.target.account}")
    failed = sum(problem.severity == "error" for problem in export.problems)
    unchanged = counted(counts["unchanged"], "resource")
    left_out = f", {export.waiting} left out: not applied or committed yet" if export.waiting else ""
    if not export and not failed:
        if export.waiting:
            return f"Nothing to commit of {account}: {unchanged} unchanged{left_out}."
        if not counts["unchanged"]:
            return f"Nothing to do: there is nothing on {account} to write."
        if accepts:
            return f"Nothing to accept: the files hold all changes made on {account} since the last apply."
        return f"Nothing to do: the files match {unchanged} on {account}."
    if accepts:
        done = "Accepted the changes on" if written else "Accepting would write the changes on"
    else:
        done = "Exported" if written else "An export would change files of"
    files = f"{counted(counts['create'], 'file')} created, {counts['update']} updated, {counts['delete']} deleted"
    not_written = f", {failed} not written" if failed else ""
    record = " Run `dlsync apply` to record them." if accepts and written and export else ""
    return f"{done} {account}: {files}; {unchanged} unchanged{not_written}{left_out}.{record}"


def export_document(export: Export) -> dict[str, Any]:
    """Return the export as ``export --format json`` prints it."""
    return {
        "format_version": 1,
        **asdict(export.target),
        "commit": export.commit or None,
        "summary": export.summary,
        "files": [
            {"kind": file.address.kind, "name": file.address.name, "action": file.action, "file": file.file}
            for file in export.files
        ],
        "problems": [one.as_document() for one in export.problems],
    }


def render_sent(files: Iterable[SentFile]) -> str:
    """Return the files one below the other, safe to print."""
    return "\n".join("".join(f"{line}\n" for line in _lines(file)) for file in files)


def sent_document(files: Iterable[SentFile]) -> list[dict[str, Json]]:
    """Return the files as JSON; a file that is no text has a digest in place of its content."""
    documents = []
    for file in files:
        text = _text(file)
        digest: dict[str, Json] = {"sha256": _digest(file)} if text is None else {}
        named: dict[str, Json] = {"kind": file.address.kind, "name": file.address.name, "file": file.file}
        documents.append(named | {"content": text} | digest)
    return documents


def _lines(file: SentFile) -> Iterator[str]:
    yield f"# {visible(file.file)} ({visible(str(file.address))})"
    text = _text(file)
    if text is None:
        yield f"# no text: {len(file.content):,} bytes, sha256 {_digest(file)}"
        return
    for line in text.removesuffix("\n").split("\n") if text else ():
        yield "\t".join(visible(part) for part in line.removesuffix("\r").split("\t"))


def _text(file: SentFile) -> str | None:
    try:
        return file.content.decode()
    except UnicodeDecodeError:
        return None


def _digest(file: SentFile) -> str:
    return hashlib.sha256(file.content).hexdigest()
