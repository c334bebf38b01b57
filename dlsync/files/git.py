"""Read commits, changes and the user's name from git, and commit files."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from dlsync.errors import DlsyncError

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_STATES = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")
_USER_IN_URL = re.compile(r"(?<=://)[^/\s]+@")
_ABBREVIATED = 12  # characters of a commit
_SHOWN = 20  # lines of the output of git or a hook
_ENTRY = slice(3, None)  # the path in an entry of `git status --porcelain`, after two letters and a space
# this advice would make users commit ignored files, or files outside of a sparse checkout
_NO_ADVICE = ("-c", "advice.addIgnoredFile=false", "-c", "advice.updateSparsePath=false")
_HIDDEN = {
    "h": "marked assume-unchanged",
    "S": "marked skip-worktree, or not in the sparse checkout",
    "s": "marked assume-unchanged and skip-worktree",
    "?": "ignored, or in a submodule: export into that",
}
_NOT_COMMITTED = "git did not commit, and the files are as they were"
_EXPORT_AGAIN = "Fix what git reports, then export again."
_PATHS = ("--pathspec-from-file=-", "--pathspec-file-nul")
# git sets these for a hook, to name the repository that runs it; the directory may be in another repository
_OF_A_HOOK = re.compile(r"GIT_(?:DIR|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|PREFIX|QUARANTINE_PATH)")
_SUBMODULE = "160000"  # mode of an entry in the index


def head_commit(root: Path) -> str:
    """Return the commit of the directory's repository; empty outside a repository, or without git."""
    return _output(root, "rev-parse", "--verify", "--quiet", "HEAD")


def is_unknown(root: Path, commit: str) -> bool:
    """Whether the repository of the directory lacks a commit; False in a shallow clone, where commits are missing."""
    if not _COMMIT.fullmatch(commit) or _output(root, "rev-parse", "--is-shallow-repository") not in {"false", ""}:
        return False
    return not _output(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")


def place(root: Path) -> str:
    """Return the directory's path in its repository, with a slash at its end; empty for the root or no repository."""
    return _output(root, "rev-parse", "--show-prefix")


class Checkout(NamedTuple):
    """A checkout that leaves files out, in words, and the command that checks them out."""

    what: str
    command: str


_SPARSE = Checkout("a sparse checkout", "git sparse-checkout disable")
_WITHOUT_SUBMODULES = Checkout("a checkout without submodules", "git submodule update --init")


def not_checked_out(root: Path, places: Collection[str]) -> dict[Checkout, list[str]]:
    """Return the committed files and submodules that the directory lacks in some files and folders."""
    missing: dict[Checkout, list[str]] = {}
    for entry in filter(None, _output(root, "ls-files", "-t", "--stage", "-z", "--", *places).split("\0")):
        (tag, mode, *_), name = entry.partition("\t")[0].split(), entry.partition("\t")[2]
        if mode == _SUBMODULE and not (root / name / ".git").exists():
            missing.setdefault(_WITHOUT_SUBMODULES, []).append(name)
        elif tag == "S" and not (root / name).exists():
            missing.setdefault(_SPARSE, []).append(name)
    return missing


def uncommitted(root: Path) -> set[str]:
    """Return the files below the directory that have uncommitted changes; none outside a repository.

    :raises DlsyncError: git fails in a repository.
    """
    arguments = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    code, found, errors = _query(root, *arguments)
    if code and root.is_dir() and _is_in_repository(root):
        raise _failure(code, errors, f"git cannot tell which files of {root} have changes", "Fix what git reports.")
    prefix = place(root)
    return {entry[_ENTRY].removeprefix(prefix) for entry in found.split("\0")}


def user_name(root: Path) -> str:
    """Return the name that git would write into a commit; empty if it has none, or without git."""
    return _output(root, "config", "user.name")


def _output(root: Path, *arguments: str) -> str:
    return _query(root, *arguments)[1]


def _query(root: Path, *arguments: str) -> tuple[int, str, bytes]:
    """Run git; return its exit code, its output and its errors."""
    command = ("git", "-C", str(root), *arguments)
    try:
        local = {**_environment(), "GIT_NO_LAZY_FETCH": "1"}  # else a partial clone asks its remote
        done = subprocess.run(command, capture_output=True, check=False, env=local)  # noqa: S603 - the commands above
        return done.returncode, os.fsdecode(done.stdout).rstrip("\n"), done.stderr
    except OSError as error:
        return 1, "", f"git cannot be run: {error.strerror}".encode()


def _environment() -> dict[str, str]:
    """Return the environment for git, without the repository of a hook, unless that names a work tree too."""
    keep_all = "GIT_WORK_TREE" in os.environ
    return {name: value for name, value in os.environ.items() if keep_all or not _OF_A_HOOK.fullmatch(name)}


def _is_in_repository(root: Path) -> bool:
    real = Path(os.path.realpath(root))
    return any((one / ".git").is_file() or (one / ".git" / "HEAD").exists() for one in (real, *real.parents))


class Repository:
    """Commit files of a directory to the repository around it, and nothing else.

    :param directory: need not exist.
    :param push: whether to require an upstream of the current branch, for :meth:`push`.
    :raises DlsyncError: git cannot commit there now, or there is no upstream.
    """

    def __init__(self, directory: Path, *, push: bool) -> None:
        self._top = next(one for one in (directory.absolute(), *directory.absolute().parents) if one.is_dir())
        hint = _EXPORT_AGAIN if _is_in_repository(self._top) else "Run `git init` there, or leave out --commit."
        self._top = Path(
            self._run("rev-parse", "--show-toplevel", failed=f"{directory} cannot be committed", hint=hint)
        )
        states = self._run("rev-parse", *(argument for name in _STATES for argument in ("--git-path", name)))
        if any((self._top / state).exists() for state in states.splitlines()) or self._run("ls-files", "--unmerged"):
            hint = f"Finish or abort it; `git -C {shlex.quote(str(self._top))} status` says how."
            raise DlsyncError(f"{self._top} is in the middle of a merge, rebase, revert or bisection", hint=hint)
        if push:
            self._require_upstream()

    def _require_upstream(self) -> None:
        branch = _output(self._top, "symbolic-ref", "--quiet", "--short", "HEAD")
        if not _output(self._top, "config", f"branch.{branch}.merge"):  # the clone of an empty repository has it
            hint = "Run `git switch BRANCH`, or once `git push --set-upstream REMOTE BRANCH`."
            self._run("rev-parse", "@{upstream}", failed="--push has no upstream branch", hint=hint)

    def path(self, file: str) -> str:
        """Return the path in the repository for the real path of a file."""
        return Path(os.path.relpath(file, os.path.realpath(self._top))).as_posix()

    def changed(self, paths: Collection[str]) -> list[str]:
        """Return the paths that have uncommitted changes, staged or not, and those that git does not track."""
        found = self._run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").split("\0")
        return sorted({entry[_ENTRY] for entry in found}.intersection(paths))

    def hidden(self, paths: Collection[str]) -> list[str]:
        """Return the paths whose changes git does not show, each with the reason."""
        index = {entry[2:]: entry[:1] for entry in self._run("ls-files", "-v", "-z").split("\0")}
        tags = {path: index.get(path, "?" if os.path.lexists(self._top / path) else "") for path in sorted(paths)}
        return [f"{path} ({_HIDDEN[tag]})" for path, tag in tags.items() if tag in _HIDDEN]

    async def commit(self, paths: Collection[str], message: str) -> str:
        """Commit the changes of these paths only; return the commit, empty if git sees no change.

        :raises DlsyncError: git or a hook refuses; then no more is staged than before.
        """
        try:
            if not (changed := self._stage(paths)):  # or only line ends differ, which git converts
                return ""
            arguments = ("commit", "--quiet", "--only", "--cleanup=whitespace", f"--message={message}", *_PATHS)
            await self._run_hooks(*arguments, paths=changed, failed=_NOT_COMMITTED, hint=_EXPORT_AGAIN)
        finally:  # if a hook staged files too, git leaves them staged with their content from before the hook
            with suppress(DlsyncError):  # the cause of a first error, such as a lock, may stop this too
                self._run("reset", "--quiet", *_PATHS, paths=paths)
        return self.head()

    def _stage(self, paths: Collection[str]) -> list[str]:
        """Stage the changes of the paths; return the paths in which git sees changes."""
        present = [path for path in paths if os.path.lexists(self._top / path)]
        self._run(*_NO_ADVICE, "add", *_PATHS, paths=present, failed=_NOT_COMMITTED, hint=_EXPORT_AGAIN)
        return self.changed(paths)

    def head(self) -> str:
        """Return the current commit; empty if there is none."""
        return head_commit(self._top)

    async def push(self) -> None:
        """Push the current branch to its upstream.

        :raises DlsyncError: git cannot, or the remote refuses.
        """
        hint = "The commit stays: fix what git reports (`git pull --rebase` if the branch moved), then export again."
        failed = f"commit {self.head()[:_ABBREVIATED]} is not pushed"
        await self._run_hooks("-c", "push.default=upstream", "push", "--quiet", failed=failed, hint=hint)

    def _run(self, *arguments: str, paths: Collection[str] = (), failed: str = "git failed", hint: str = "") -> str:
        """Run git with arguments, and with paths on its stdin; return its output."""
        command, environment = self._command(arguments)
        try:
            done = subprocess.run(command, input=_lines(paths), capture_output=True, check=False, env=environment)  # noqa: S603 - the commands above
        except OSError as error:
            raise DlsyncError(f"{failed}: git cannot be run: {error.strerror}", hint="Install git.") from error
        if done.returncode:
            raise _failure(done.returncode, done.stderr + b"\n" + done.stdout, failed, hint)
        return os.fsdecode(done.stdout).rstrip("\n")

    async def _run_hooks(self, *arguments: str, paths: Collection[str] = (), failed: str, hint: str) -> None:
        """Run git, which may take long in hooks, signatures or the network; end it if the task is cancelled."""
        command, environment = self._command(arguments)
        with TemporaryFile() as stdin, TemporaryFile() as output:  # a hook that outlives git would keep a pipe open
            stdin.write(_lines(paths))
            stdin.seek(0)
            start = asyncio.create_subprocess_exec(
                *command, stdin=stdin, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
            starting = asyncio.create_task(start)
            try:  # without the shield, asyncio kills git during its start, and git leaves its locks
                code = await (await asyncio.shield(starting)).wait()
            except asyncio.CancelledError:
                git = await starting
                with suppress(ProcessLookupError):  # Ctrl-C on a terminal ends git too
                    git.terminate()
                await git.wait()
                raise
            output.seek(0)
            if code:
                raise _failure(code, output.read(), failed, hint)

    def _command(self, arguments: Collection[str]) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment for git."""
        return ["git", "--literal-pathspecs", "-C", str(self._top), *arguments], {
            "GIT_TERMINAL_PROMPT": "0",
            **_environment(),
        }


def _lines(paths: Collection[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _failure(code: int, output: bytes, failed: str, hint: str) -> DlsyncError:
    """Return the error for an exit code of git, with the last lines of its output."""
    lines = [*filter(None, output.decode("utf-8", "replace").split("\n"))]
    silent = f"git ended with code {code}" if code >= 0 else f"git was ended by {signal.Signals(-code).name}"
    reason = "\n".join(lines[-_SHOWN:]) or silent
    return DlsyncError(f"{failed}: {_USER_IN_URL.sub('[user]@', reason)}", hint=hint)
