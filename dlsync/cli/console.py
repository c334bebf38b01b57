"""Print results to stdout and everything else to stderr, without secrets and terminal escapes; run operations."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache, partial
from typing import IO, TYPE_CHECKING, Any, AnyStr, TypeVar, cast

from dlsync.cli import signals
from dlsync.errors import DlsyncError, InvalidTree, Refused, SettingsError
from dlsync.messages import KEY, json_text, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from dlsync.files.redaction import Redaction
    from dlsync.model import Plan, Problem
    from dlsync.operations.drift import Drift
    from dlsync.operations.export import Export
    from dlsync.render.environments import EnvironmentResult
    from dlsync.render.findings import Finding

T = TypeVar("T")
FOR_FINDINGS = ("sarif", "junit", "github")  # formats
_MIN_KEY = 6  # characters: a shorter key is part of many words, whose gaps would reveal it
_READER_GONE = "stdout was closed by its reader: the run goes on, and the exit code says how it ends\n"
_secrets: dict[str, str] = {}
_outlives_reader = ContextVar("_outlives_reader", default=False)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal before an irreversible action; raise a DlsyncError if the answer is no."""
    if not yes and not is_agreed(question, "--yes"):
        raise DlsyncError("nothing was done")


def is_agreed(question: str, option: str) -> bool:
    """Ask on the terminal; any answer but yes means no.

    :param option: the option that answers yes.
    :raises SettingsError: there is no terminal.
    """
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stderr.isatty():
        problem = f"there is no terminal to ask on: {question}"
        raise SettingsError(problem, hint=f"Give {option} where the answer is yes.")
    # the handler of the event loop would delay Ctrl-C until the question is answered
    with signals.handled_by(signals.interrupt):
        write_stderr(visible(f"{question} [y/N] "))
        signals.wait_for_input(sys.stdin)
        return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def run(operation: Coroutine[Any, Any, T]) -> T:
    """Run an operation and return its result.

    With asyncio alone, a second Ctrl-C (or the one that make sends together with the terminal) would interrupt the
    closing of connections with a traceback. Here, the first one closes them, and later ones are ignored.

    :raises KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came, and all connections are closed.
    """
    interrupted = False
    cancel: Callable[[], object] | None = None

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        signals.ignore()
        if cancel:
            cancel()

    async def interruptible() -> T:
        nonlocal cancel
        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[T]", asyncio.current_task())
        cancel = partial(loop.call_soon_threadsafe, task.cancel)
        try:
            if interrupted:
                operation.close()
                raise KeyboardInterrupt
            return await operation
        finally:
            cancel = None

    try:
        with signals.handled_by(interrupt):
            import asyncio

            return asyncio.run(interruptible())
    finally:
        if interrupted:  # no cancellation reaches the last step, but a run of other environments must not follow
            raise KeyboardInterrupt from None


@contextmanager
def outliving_reader() -> Iterator[None]:
    """Go on in this block if the reader of stdout ends, with a message: half a run is worse than half its output."""
    token = _outlives_reader.set(True)
    try:
        yield
    finally:
        _outlives_reader.reset(token)


def write_stdout(text: str) -> None:
    """Print a result; raise a DlsyncError if that fails, or a BrokenPipeError if the reader has ended."""
    _print(sys.stdout, text)


def write_json(document: object) -> None:
    """Print a result as one JSON document; see :func:`write_stdout`."""
    write_stdout(json_text(document))


def show(
    form: str, document: Callable[[], object], text: Callable[[bool], str], html: Callable[[], str] | None = None
) -> None:
    """Print a result as JSON, HTML or text; ``text`` is called with whether it is printed in colour."""
    forms = {"json": lambda: json_text(document()), "text": lambda: text(colored())}
    if html:
        forms["html"] = html
    write_stdout(forms[form]())


def page(result: Plan | Drift | Export | Sequence[EnvironmentResult], *, written: bool = True) -> str:
    """Return a result as HTML; see :func:`dlsync.render.page.render`, which alone imports Jinja2."""
    from dlsync.render import page as rendering

    return rendering.render(result, written=written)


def write_content(body: bytes) -> None:
    """Print the content of a file as a result: byte for byte, or on a terminal without escapes."""
    if sys.stdout.isatty():
        lines = body.decode("utf-8", "backslashreplace").split("\n")
        write_stdout("\n".join(visible(line.removesuffix("\r").expandtabs()) for line in lines))
    else:
        _print(sys.stdout.buffer, body)


def write_stderr(text: str) -> None:
    """Print to stderr what is not the result; a closed stderr is no error."""
    try:
        _write(sys.stderr, text)
    except OSError:
        return


def notify(sentence: str) -> None:
    """Print a sentence to stderr, without secrets that it quotes."""
    write_stderr(f"{redacted(sentence)}\n")


def _print(stream: IO[AnyStr], text: AnyStr) -> None:
    try:
        _write(stream, text)
    except BrokenPipeError:
        if not _outlives_reader.get():
            raise
        write_stderr(_READER_GONE)
    except OSError as error:
        raise DlsyncError(f"the result cannot be written to stdout: {error.strerror}") from error


def _write(stream: IO[AnyStr], text: AnyStr) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        # the rest of the buffer would fail again when Python ends
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
        raise


def conceal(key: str) -> None:
    """Take a key out of all later output; see :func:`redacted`."""
    if len(key) >= _MIN_KEY:
        _secrets[key] = KEY


class RecordedEnvironment(dict[str, str]):
    """The environment for ``${env:NAME}``; :func:`redacted` takes out each value that was looked up."""

    def __getitem__(self, name: str) -> str:
        value = super().__getitem__(name)
        if value:
            _secrets[value] = f"${{env:{name}}}"
        return value

    def __or__(self, other: dict[str, str]) -> RecordedEnvironment:  # type: ignore[override] # the values of both are texts
        return RecordedEnvironment({**self, **other})


def conceal_mentioned(directory: Path) -> None:
    """Take values that the files of a tree mention out of all later output, for a command that reads no resources."""
    from dlsync.operations.hidden_secrets import values_of_mentioned

    values_of_mentioned(directory, RecordedEnvironment(os.environ))


def redacted(text: str) -> str:
    """Return a text without the keys and the values from the environment that this run knows."""
    return _redaction(tuple(_secrets.items())).message(text)


@lru_cache(maxsize=1)
def _redaction(secrets: tuple[tuple[str, str], ...]) -> Redaction:
    from dlsync.files.redaction import Redaction

    return Redaction(dict(secrets))


def forget_secrets() -> None:
    """Forget all secrets of :func:`redacted`, before another run."""
    _secrets.clear()


def report(problems: Iterable[Problem]) -> None:
    """Print problems to stderr, a line each."""
    from dlsync.render.problems import lines
    from dlsync.render.table import painter

    for line in lines(redacted_problems(problems), painter(color=colored(sys.stderr))):
        write_stderr(f"{line}\n")


def explain(error: DlsyncError, place: str = "") -> None:
    """Print to stderr why a command failed, the place before the message."""
    if isinstance(error, InvalidTree):  # other errors have their problems in the message
        report(error.problems)
    message = redacted(f"error: {place}{error.message}\n{error.hint}").rstrip("\n")
    write_stderr("".join(f"{visible(line)}\n" for line in message.split("\n")))


def write_failure(error: DlsyncError, form: str, directory: Path, marker: str = "") -> None:
    """Print why a command failed in the requested format; as text, nothing."""
    from dlsync.render import findings, plan_markdown, problems

    if form in FOR_FINDINGS:
        found = redacted_problems(error.problems)
        write_findings({"": findings.of_problems(found, redacted(error.message))}, form, directory)
    if form in {"text", *FOR_FINDINGS}:
        return
    failed = failure(error)
    if failed.plan:
        write_stdout(rendered(failed.plan, form, marker=marker))
        return
    forms = {
        "json": lambda: json_text({"format_version": 1, **problems.failure(failed.error, failed.problems)}),
        "markdown": lambda: plan_markdown.render_failure(failed.error, failed.problems, marker=marker),
        "html": lambda: page([failed]),
    }
    write_stdout(forms[form]())


def failure(error: DlsyncError, environment: str = "No result") -> EnvironmentResult:
    """Return the result of a failed command, without secrets: the refused plan, or else the error."""
    from dlsync.render.environments import EnvironmentResult

    if isinstance(error, Refused) and error.plan:
        return EnvironmentResult(environment, redacted_plan(error.plan))
    return EnvironmentResult(environment, None, redacted(error.message), redacted_problems(error.problems))


def write_findings(found: Mapping[str, Iterable[Finding]], form: str, directory: Path) -> None:
    """Print findings as a result, by environment, with files relative to the root of the repository."""
    from dlsync.files.git import place
    from dlsync.render import findings

    folder = place(directory)
    placed = [one for name, some in found.items() for one in findings.placed(some, folder, name)]
    if note := findings.left_out(form, len(placed)):
        write_stderr(f"warning: {note}\n")
    write_stdout(findings.render(placed, form))


def colored(stream: TextIO | None = None) -> bool:
    """Whether output to a stream, by default stdout, is in colour."""
    from dlsync.render.table import wants_color

    return wants_color(stream or sys.stdout, os.environ)


def terminal_width() -> int | None:
    """Return the width of the terminal in cells; None if stdout is no terminal, so that nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def redacted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems, their messages without secrets."""
    return tuple(replace(problem, message=redacted(problem.message)) for problem in problems)


def redacted_plan(plan: Plan) -> Plan:
    """Return a plan without secrets in its errors and warnings, which quote the server."""
    return replace(plan, warnings=redacted_problems(plan.warnings)).with_changes(
        replace(change, error=redacted(change.error)) if change.error else change for change in plan.changes
    )


def rendered(plan: Plan, form: str, stream: TextIO | None = None, *, marker: str = "") -> str:
    """Return a plan in the requested format, for a stream, by default stdout.

    :param marker: the first line in Markdown.
    """
    from dlsync.operations.plan_document import as_document
    from dlsync.render import plan_markdown, plan_text

    plan = redacted_plan(plan)
    forms = {
        "json": lambda: json_text(as_document(plan)),
        "html": lambda: page(plan),
        "markdown": lambda: plan_markdown.render(plan, marker=marker),
        "text": lambda: plan_text.render(plan, color=colored(stream)),
    }
    return forms[form]()
