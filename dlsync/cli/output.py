"""Where output goes: results to stdout, all else to stderr, nothing that a terminal would act on to either."""

from __future__ import annotations

import os
import signal
import sys
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, AnyStr, TypeVar, cast

from dlsync.cli import signals
from dlsync.errors import DlsyncError, InvalidTree, Refused, SettingsError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator
    from typing import TextIO

    from dlsync.cli.options import Format, PlanFormat
    from dlsync.files.redaction import Redaction
    from dlsync.model import Plan, Problem


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal before what cannot be taken back.

    :param yes: that was answered beforehand.
    :raises DlsyncError: the answer is no, or there is nobody to ask.
    """
    if yes:
        return
    if not can_ask():
        raise SettingsError("there is no terminal to ask on", hint="Give --yes where you are sure.")
    if not is_agreed(question):
        raise DlsyncError("nothing was done")


def can_ask() -> bool:
    """Whether there is a terminal to ask on."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def is_agreed(question: str) -> bool:
    """Ask on the terminal; anything but yes is a no."""
    from dlsync.messages import visible

    # the loop's own handler would let Ctrl-C wait until the question is answered
    with signals.handled_by(signal.default_int_handler):
        aside(visible(f"{question} [y/N] "))
        signals.wait_for_input(sys.stdin)
        return sys.stdin.readline().strip().casefold() in {"y", "yes"}


T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns.

    asyncio alone lets a second Ctrl-C (or one that make sends along with the terminal) hit the closing of connections,
    which then ends in tracebacks; here, the first one closes them, and the rest come too late.

    :raises KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; what was open is closed by then.
    """
    import asyncio

    results: list[T] = []

    async def kept() -> None:
        # as its task's result it would be spelled out, 0.3 s for a plan of 3,000 resources: Python takes the repr of a
        # handler of signals that it is asked for, and asyncio's for SIGINT has the task in it
        results.append(await work)

    async def watched() -> None:
        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[T]", asyncio.current_task())

        def interrupt(*_: object) -> None:
            signals.ignore()
            loop.call_soon_threadsafe(task.cancel)

        with signals.handled_by(interrupt):
            await kept()

    try:
        asyncio.run(watched())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return results[0]


_SHORTEST = 6  # characters: what is shorter is part of many words, and gaps in them would tell what it is
_secrets: dict[str, str] = {}


def result(text: str) -> None:
    """Print what was asked for.

    :raises DlsyncError: it cannot be written.
    :raises BrokenPipeError: nobody reads it any more; typer ends the run quietly then.
    """
    _print(sys.stdout, text)


def content(body: bytes) -> None:
    """Print a file's content: byte for byte, but on a terminal nothing that it would act on.

    :raises DlsyncError: it cannot be written.
    """
    if sys.stdout.isatty():
        from dlsync.messages import visible

        lines = body.decode("utf-8", "backslashreplace").split("\n")
        result("\n".join(visible(line.removesuffix("\r").expandtabs()) for line in lines))
    else:
        _print(sys.stdout.buffer, body)


def _print(stream: IO[AnyStr], text: AnyStr) -> None:
    try:
        _write(stream, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DlsyncError(f"the result cannot be written to stdout: {error.strerror}") from error


def aside(text: str) -> None:
    """Say something beside the result; where it cannot be said, there is nobody to tell."""
    try:
        _write(sys.stderr, text)
    except OSError:
        return


def tell(sentence: str) -> None:
    """Say a sentence beside the result that quotes others: without keys and secrets."""
    aside(f"{concealed(sentence)}\n")


def _write(stream: IO[AnyStr], text: AnyStr) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        _discard(stream)
        raise


def _discard(stream: IO[AnyStr]) -> None:
    """Let what is left in a stream's buffer go nowhere: written when Python ends, it would fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def conceal(secret: str) -> None:
    """Remember a key, which :func:`concealed` takes out."""
    from dlsync.messages import KEY

    if len(secret) >= _SHORTEST:
        _secrets[secret] = KEY


class Watched(dict[str, str]):
    """The environment as ``${env:NAME}`` looks values up in it: :func:`concealed` takes out each that was looked up."""

    def __getitem__(self, name: str) -> str:
        value = super().__getitem__(name)
        if value:
            _secrets[value] = f"${{env:{name}}}"
        return value


def concealed(text: str) -> str:
    """Return a text without the keys and the values from the environment that this run has got to know."""
    return _redaction(tuple(_secrets.items())).said(text)


@lru_cache(maxsize=1)
def _redaction(secrets: tuple[tuple[str, str], ...]) -> Redaction:
    from dlsync.files.redaction import Redaction

    return Redaction(dict(secrets))


def forget() -> None:
    """Forget what :func:`concealed` takes out: another run begins."""
    _secrets.clear()


def report(problems: Iterable[Problem]) -> None:
    """Say beside the result what is wrong, a line each."""
    from dlsync.render import problems as rendering
    from dlsync.render.table import painter

    for line in rendering.lines(discreet_problems(problems), painter(color=colored(sys.stderr))):
        aside(f"{line}\n")


def explain(error: DlsyncError, place: str = "") -> None:
    """Say beside the result why a command failed.

    :param place: what stands before the message.
    """
    from dlsync.messages import visible

    if isinstance(error, InvalidTree):  # the message of any other error has its problems in it
        report(error.problems)
    words = concealed(f"error: {place}{error.message}\n{error.hint}").rstrip("\n")
    aside("".join(f"{visible(line)}\n" for line in words.split("\n")))


def answer_failure(error: DlsyncError, output: Format | PlanFormat) -> None:
    """Print why a command failed as the document that was asked for; as text, nothing."""
    from dlsync.render import plan_markdown, problems

    words, found = concealed(error.message), list(discreet_problems(error.problems))
    if isinstance(error, Refused) and error.plan and output != "text":
        result(rendered(error.plan, output, sys.stdout))
    elif output == "json":
        result(problems.render_failure(words, found))
    elif output == "markdown":
        result(plan_markdown.render_failure(words, found))


def colored(stream: TextIO) -> bool:
    """Whether what goes to the stream is printed in colour."""
    from dlsync.render.table import wants_color

    return wants_color(stream, os.environ)


def discreet_problems(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the problems with messages that hold nothing that is secret."""
    from dataclasses import replace

    return (replace(one, message=concealed(one.message)) for one in problems)


def discreet(plan: Plan) -> Plan:
    """Return a plan whose errors, in which a server may say anything, hold nothing that is secret."""
    from dataclasses import replace

    return plan.with_changes(replace(one, error=concealed(one.error)) if one.error else one for one in plan.changes)


def rendered(plan: Plan, output: Format | PlanFormat, stream: TextIO) -> str:
    """Return a plan in the form that was asked for, for the stream that it goes to."""
    from dlsync.render import plan_json, plan_markdown, plan_text

    plan = discreet(plan)
    if output == "json":
        return plan_json.render(plan)
    if output == "markdown":
        return plan_markdown.render(plan)
    return plan_text.render(plan, color=colored(stream))
