"""Ask git for the commit of a directory and for the user's name, and commit files."""

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

from dlsync.errors import DlsyncError

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_STATES = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")
_USER_IN_URL = re.compile(r"(?<=://)[^/\s]+@")
_ABBREVIATED = 12  # characters of a commit
_SHOWN = 20  # lines of what git or a hook says
_ENTRY = slice(3, None)  # of `git status --porcelain`, behind two letters and a blank
# what git advises would commit ignored files, or those outside of a sparse checkout
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
# git tells a hook by these which repository runs it; the directory may be in another one
_OF_A_HOOK = re.compile(r"GIT_(?:DIR|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY|PREFIX|QUARANTINE_PATH)")
_SUBMODULE = "160000"  # mode of an entry in the index


def head_commit(root: Path) -> str:
    """Return the commit of the directory's repository; empty outside a repository, or without git."""
    return _output(root, "rev-parse", "--verify", "--quiet", "HEAD")


def is_unknown(root: Path, commit: str) -> bool:
    """Tell whether the directory is in no repository that has a commit; False in a shallow clone, which need not."""
    if not _COMMIT.fullmatch(commit) or _output(root, "rev-parse", "--is-shallow-repository") not in {"false", ""}:
        return False
    return not _output(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")


def place(root: Path) -> str:
    """Return the directory's path in its repository, with a slash at its end; empty for the root, or outside one."""
    return _output(root, "rev-parse", "--show-prefix")


def not_checked_out(root: Path) -> dict[str, list[str]]:
    """Return the committed files and submodules that the directory lacks, by the command that checks them out."""
    missing: dict[str, list[str]] = {}
    for entry in filter(None, _output(root, "ls-files", "-t", "--stage", "-z", "--", ".").split("\0")):
        (tag, mode, *_), name = entry.partition("\t")[0].split(), entry.partition("\t")[2]
        if mode == _SUBMODULE and not (root / name / ".git").exists():
            missing.setdefault("git submodule update --init", []).append(name)
        elif tag == "S" and not (root / name).exists():
            missing.setdefault("git sparse-checkout disable", []).append(name)
    return missing


def uncommitted(root: Path) -> set[str]:
    """Return the files below the directory with changes that are not committed; none outside a repository.

    :raises DlsyncError: it is in a repository, and git cannot tell.
    """
    arguments = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    code, found, said = _asked(root, *arguments)
    if code and root.is_dir() and _is_in_repository(root):
        raise _failure(code, said, f"git cannot tell which files of {root} have changes", "Fix what git reports.")
    prefix = place(root)
    return {entry[_ENTRY].removeprefix(prefix) for entry in found.split("\0")}


def user_name(root: Path) -> str:
    """Return the name that git would put on a commit to the directory; empty where it has none, or without git."""
    return _output(root, "config", "user.name")


def _output(root: Path, *arguments: str) -> str:
    return _asked(root, *arguments)[1]


def _asked(root: Path, *arguments: str) -> tuple[int, str, bytes]:
    """Return the code of a git, what it prints, and what it says is wrong."""
    command = ("git", "-C", str(root), *arguments)
    try:
        local = {**_environment(), "GIT_NO_LAZY_FETCH": "1"}  # a partial clone would ask its remote for a commit
        done = subprocess.run(command, capture_output=True, check=False, env=local)  # noqa: S603 - the commands above
        return done.returncode, os.fsdecode(done.stdout).rstrip("\n"), done.stderr
    except OSError as error:
        return 1, "", f"git cannot be run: {error.strerror}".encode()


def _environment() -> dict[str, str]:
    """Return the environment of a git, in which a hook's repository counts only with the files that it is for."""
    keep_all = "GIT_WORK_TREE" in os.environ
    return {name: value for name, value in os.environ.items() if keep_all or not _OF_A_HOOK.fullmatch(name)}


def _is_in_repository(root: Path) -> bool:
    real = Path(os.path.realpath(root))
    return any((one / ".git").exists() for one in (real, *real.parents))


class Repository:
    """The repository around a directory, to commit files of the directory and nothing else.

    :param directory: need not exist.
    :param push: require that the current branch has an upstream, for :meth:`push`.
    :raises DlsyncError: git cannot commit there now, or there is no upstream; says what to do.
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
        """Return a file, by its real path, as git names it."""
        return Path(os.path.relpath(file, os.path.realpath(self._top))).as_posix()

    def changed(self, paths: Collection[str]) -> list[str]:
        """Return the paths with changes that are not committed, staged or not, known to git or not."""
        found = self._run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").split("\0")
        return sorted({entry[_ENTRY] for entry in found}.intersection(paths))

    def hidden(self, paths: Collection[str]) -> list[str]:
        """Return the paths whose changes git does not show, each with the reason."""
        index = {entry[2:]: entry[:1] for entry in self._run("ls-files", "-v", "-z").split("\0")}
        tags = {path: index.get(path, "?" if os.path.lexists(self._top / path) else "") for path in sorted(paths)}
        return [f"{path} ({_HIDDEN[tag]})" for path, tag in tags.items() if tag in _HIDDEN]

    async def commit(self, paths: Collection[str], message: str) -> str:
        """Commit the changes of paths, and of no others; return the commit, empty where git sees no change.

        :raises DlsyncError: git or a hook refuses; nothing is staged that was not staged before.
        """
        try:
            if not (changed := self._staged(paths)):  # but line ends that git converts
                return ""
            arguments = ("commit", "--quiet", "--only", f"--message={message}", *_PATHS)
            await self._run_hooks(*arguments, paths=changed, failed=_NOT_COMMITTED, hint=_EXPORT_AGAIN)
        finally:  # a hook may have staged files too, which git then leaves staged as they were before the hook
            with suppress(DlsyncError):  # what stopped git, such as a lock, stops this too: the first error says more
                self._run("reset", "--quiet", *_PATHS, paths=paths)
        return self.head()

    def _staged(self, paths: Collection[str]) -> list[str]:
        """Stage the changes of paths, and return those that git sees."""
        present = [path for path in paths if os.path.lexists(self._top / path)]
        self._run(*_NO_ADVICE, "add", *_PATHS, paths=present, failed=_NOT_COMMITTED, hint=_EXPORT_AGAIN)
        return self.changed(paths)

    def head(self) -> str:
        """Return the current commit; empty where there is none."""
        return head_commit(self._top)

    async def push(self) -> None:
        """Push the current branch to its upstream.

        :raises DlsyncError: git cannot, or the remote refuses.
        """
        hint = "The commit stays: fix what git reports (`git pull --rebase` if the branch moved), then export again."
        failed = f"commit {self.head()[:_ABBREVIATED]} is not pushed"
        await self._run_hooks("-c", "push.default=upstream", "push", "--quiet", failed=failed, hint=hint)

    def _run(self, *arguments: str, paths: Collection[str] = (), failed: str = "git failed", hint: str = "") -> str:
        """Return what git prints that is called with arguments, and with paths on its stdin."""
        command, environment = self._command(arguments)
        try:
            done = subprocess.run(command, input=_lines(paths), capture_output=True, check=False, env=environment)  # noqa: S603 - the commands above
        except OSError as error:
            raise DlsyncError(f"{failed}: git cannot be run: {error.strerror}", hint="Install git.") from error
        if done.returncode:
            raise _failure(done.returncode, done.stderr + b"\n" + done.stdout, failed, hint)
        return os.fsdecode(done.stdout).rstrip("\n")

    async def _run_hooks(self, *arguments: str, paths: Collection[str] = (), failed: str, hint: str) -> None:
        """Run git where hooks, a signature or a network can take long, and end it where the task is cancelled."""
        command, environment = self._command(arguments)
        with TemporaryFile() as stdin, TemporaryFile() as said:  # a hook that outlives git would keep a pipe open
            stdin.write(_lines(paths))
            stdin.seek(0)
            start = asyncio.create_subprocess_exec(
                *command, stdin=stdin, stdout=said, stderr=subprocess.STDOUT, env=environment
            )
            starting = asyncio.create_task(start)
            try:  # shielded, since asyncio kills what it is starting, and git would leave its locks
                code = await (await asyncio.shield(starting)).wait()
            except asyncio.CancelledError:
                git = await starting
                with suppress(ProcessLookupError):  # Ctrl-C on a terminal ends git too
                    git.terminate()
                await git.wait()
                raise
            said.seek(0)
            if code:
                raise _failure(code, said.read(), failed, hint)

    def _command(self, arguments: Collection[str]) -> tuple[list[str], dict[str, str]]:
        """Return the command of a git, and its environment."""
        return ["git", "--literal-pathspecs", "-C", str(self._top), *arguments], {
            "GIT_TERMINAL_PROMPT": "0",
            **_environment(),
        }


def _lines(paths: Collection[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _failure(code: int, said: bytes, failed: str, hint: str) -> DlsyncError:
    """Return the error of a git that ended with a code, with the last lines of what it said."""
    lines = [*filter(None, said.decode("utf-8", "replace").split("\n"))]
    silent = f"git ended with code {code}" if code >= 0 else f"git was ended by {signal.Signals(-code).name}"
    reason = "\n".join(lines[-_SHOWN:]) or silent
    return DlsyncError(f"{failed}: {_USER_IN_URL.sub('[user]@', reason)}", hint=hint)
