"""The exceptions that dlsync raises, and the exit codes."""

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
WHEN = {  # for the table of docs/cli.md
    EXIT_OK: "The command did its work.",
    EXIT_ERROR: "The usage, the files or the server have an error, or the user answered a question with no. `plan` "
    "shows a plan that `apply` refuses, `adopt` could not adopt a named resource, `doctor` found a problem.",
    EXIT_CHANGES: "`plan --detailed-exitcode`, `export --check`, `accept --check`, `fmt --check` or `drift` found "
    "changes.",
    EXIT_PARTIAL: "Some changes failed or must be made by hand, or `export` or `accept` left some out. The rest is "
    "done.",
    EXIT_REFUSED: "One of: the plan has changes, and is stale or deletes too much; the run is of another account; the "
    "lock is held or was lost; some resources are held because of a conflict, and the rest is applied.",
    EXIT_INTERRUPTED: "Ctrl-C, SIGTERM or SIGHUP. `apply` prints how many changes it applied, `history` lists them.",
}


class DlsyncError(Exception):
    """The root of all exceptions that dlsync raises.

    :param message: what is wrong, where, and what was expected.
    :param hint: what the user can do next; one sentence.
    :param problems: all problems of the files.
    """

    exit_code = EXIT_ERROR

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = tuple(problems)


class SettingsError(DlsyncError):
    """Options, environment or dlsync.yaml are wrong or incomplete; the message names all problems."""


class InvalidTree(DlsyncError):
    """The files have errors; ``problems`` has all of them, not only the first."""


class Refused(DlsyncError):
    """A guard refused the operation; nothing was written.

    :param plan: the refused plan with the reasons; None if there is no plan.
    """

    exit_code = EXIT_REFUSED

    def __init__(self, message: str, *, hint: str = "", plan: Plan | None = None) -> None:
        super().__init__(message, hint=hint)
        self.plan = plan


class ManualActionRequired(DlsyncError):
    """The server has no operation for a change; the message says what to do by hand."""

    exit_code = EXIT_PARTIAL


class ApiError(DlsyncError):
    """A request to the server failed.

    :param request: method and path, such as ``GET /orgs/acme/accounts``; never a header or a body.
    :param status: the HTTP status; None without an answer.
    :param may_be_done: whether the server may have carried out the request.
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
    """The server gave no complete answer, after all retries: refused, reset, timed out or cut short."""


class Unauthorised(ApiError):
    """The server does not accept the key (401), or the key does not permit the request (403)."""


class Forbidden(Unauthorised):
    """The key does not permit the request (403)."""


class NotFound(ApiError):
    """The server has no resource of that name (404)."""


class AccountNotFound(ApiError):
    """The organisation or the account in the settings does not exist; the message says which."""


class AlreadyExists(ApiError):
    """The server has a resource of that name already (409, 422)."""


class NotModified(ApiError):
    """The server still has the version that the request named (304)."""


class Unsupported(ApiError):
    """The server lacks the operation, which is not documented (404, 405)."""


class Rejected(ApiError):
    """The server refused the request (any other 4xx)."""


class ServerFault(ApiError):
    """The server failed or is overloaded (5xx, 429), after all retries."""


class BadAnswer(ApiError):
    """An answer with status 2xx has an unexpected body: HTML, broken JSON, or wrong fields."""


class UnreadableResource(BadAnswer):
    """An answer with one resource cannot be read."""
