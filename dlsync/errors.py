"""The one tree of exceptions that dlsync raises, and the exit codes that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlsync.model import Plan, Problem

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_CHANGES = 2
EXIT_PARTIAL = 3
EXIT_REFUSED = 4
EXIT_INTERRUPTED = 130
WHEN = {  # a command ends with a code: the table of docs/cli.md
    EXIT_OK: "The command did its work.",
    EXIT_ERROR: "The usage, the files or the server are at fault, or a question was answered with no. `plan` shows a "
    "plan that `apply` refuses, `adopt` could not adopt a named resource, `doctor` found a problem.",
    EXIT_CHANGES: "`plan --detailed-exitcode`, `export --check`, `accept --check`, `fmt --check` or `drift` found "
    "changes.",
    EXIT_PARTIAL: "Changes failed or must be made by hand, or `export` or `accept` left some out. The rest is done.",
    EXIT_REFUSED: "The plan has changes and is stale, or deletes too much, the run is of another account, the lock is "
    "held or was lost, or some resources are held because of a conflict, and the rest is applied.",
    EXIT_INTERRUPTED: "Ctrl-C, SIGTERM or SIGHUP. `apply` prints how many changes it applied, `history` lists them.",
}


class DlsyncError(Exception):
    """Root of all that dlsync raises on purpose.

    :param message: what is wrong, where, and what was expected.
    :param hint: what the user can do next; one sentence.
    :param problems: all that is wrong in the files.
    """

    exit_code = EXIT_ERROR

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)


class SettingsError(DlsyncError):
    """Options, environment or dlsync.yaml are wrong or incomplete; the message has all problems."""


class InvalidTree(DlsyncError):
    """The files cannot be used; carries every problem found, not only the first."""


class Refused(DlsyncError):
    """What was asked for would break a promise: a guard held it back, nothing was written.

    :param plan: the plan that is refused, with the reasons; None where something else is.
    """

    exit_code = EXIT_REFUSED

    def __init__(self, message: str, *, hint: str = "", plan: Plan | None = None) -> None:
        super().__init__(message, hint=hint)
        self.plan = plan


class ManualActionRequired(DlsyncError):
    """A change that this server has no operation for; the message says, in plain words, what to do by hand."""

    exit_code = EXIT_PARTIAL


class ApiError(DlsyncError):
    """A request to the server failed.

    :param request: method and path, such as ``GET /orgs/acme/accounts``; never a header or a body.
    :param status: the HTTP status, where there was an answer.
    :param may_be_done: whether the server may have carried out the request all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        request: str = "",
        status: int | None = None,
        hint: str = "",
        may_be_done: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.request = request
        self.status = status
        self.may_be_done = may_be_done


class Unreachable(ApiError):
    """No usable answer came: refused, reset, timed out or cut short, retries included."""


class Unauthorised(ApiError):
    """The server does not accept the key (401), or not for this (403)."""


class Forbidden(Unauthorised):
    """The server accepts the key, but not for this (403)."""


class NotFound(ApiError):
    """The server has no resource of that name (404)."""


class AccountNotFound(ApiError):
    """The organisation or the account in the settings does not exist; the message says which."""


class AlreadyExists(ApiError):
    """A create-if-absent found the name taken (409, 422)."""


class NotModified(ApiError):
    """The server still has the version that was named in the question (304)."""


class Unsupported(ApiError):
    """The server has only the documented operations, and this one is not among them (404, 405)."""


class Rejected(ApiError):
    """The server understood the request and refuses it (any other 4xx)."""


class ServerFault(ApiError):
    """The server is at fault or overloaded (5xx, 429), and retrying did not cure it."""


class InternalError(ServerFault):
    """The server fails at this request (500), and may carry out others."""


class BadAnswer(ApiError):
    """An answer of 2xx whose body is not what the operation answers: HTML, broken JSON, a wrong shape."""


class UnreadableResource(BadAnswer):
    """An answer that holds one resource, in a form that cannot be read."""
