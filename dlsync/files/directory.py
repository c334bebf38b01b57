"""The directory: its files are read and written only where they really are inside it, symbolic links followed."""

import errno
import os
import stat
from functools import cache
from pathlib import Path

# ten times the largest dashboard or script that a person would keep; the server takes 16 MiB
MAX_FILE_BYTES = 10 * 1024 * 1024

_LEADS = "leads {} through a symbolic link; replace the link by a copy of its target"
# O_NONBLOCK opens a named pipe without a writer; what Windows lacks is 0
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


class RefusedFile(OSError):
    """A file that the operating system would open and dlsync does not; ``strerror`` says why."""


class Directory:
    """Find the files of a directory where they really are; each folder is resolved once.

    :param root: may itself be reached through a symbolic link.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = root
        # unlike Path.resolve, realpath does not raise on links that lead in a circle; opening such a file does
        self._real = cache(os.path.realpath)
        self._inside = os.path.join(self._real(root), "")

    def real_path(self, file: str, *, follow: bool = True) -> str:
        """Return where a file really is, whether or not it exists.

        :param file: relative to the directory.
        :param follow: False for the place of a link instead of its target.
        :raises RefusedFile: it is outside, or a link leads to a hidden file, such as git's settings with their tokens.
        """
        folder, name = os.path.split(os.path.join(self._root, file))
        path = os.path.join(self._real(folder), name)
        if name in {os.curdir, os.pardir} or (follow and os.path.islink(path)):
            path = os.path.realpath(path)
        if not os.path.join(path, "").startswith(self._inside):
            raise RefusedFile(errno.EPERM, _LEADS.format("outside the directory"))
        if not _hidden_names(path[len(self._inside) :]) <= _hidden_names(file):
            raise RefusedFile(errno.EPERM, _LEADS.format("to a hidden file"))
        return path

    def holds(self, file: str) -> bool:
        """Whether :meth:`real_path` has a path for a file."""
        try:
            self.real_path(file)
        except RefusedFile:
            return False
        return True

    def read(self, file: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a file; raises as :meth:`real_path` and :func:`read_regular`."""
        return read_regular(self.real_path(file), limit)


def read_regular(path: str | os.PathLike[str], limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a regular file, which is no symbolic link; nothing else is waited for.

    :raises RefusedFile: it is not a regular file, or too large.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFile(errno.EINVAL, "is not a regular file")
        if status.st_size > limit:
            size, most = status.st_size / 1e6, limit / 1e6
            raise RefusedFile(errno.EFBIG, f"is too large: {size:.0f} MB; expected a file of at most {most:.0f} MB")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Return why a file was not read; the name of the file goes before it."""
    return f"{error.strerror}" if isinstance(error, RefusedFile) else f"cannot be read: {error.strerror or error}"


def _hidden_names(file: str) -> set[str]:
    # names with two dots are those through which Kubernetes mounts a ConfigMap
    return {part for part in file.replace(os.sep, "/").split("/") if part.startswith(".") and not part.startswith("..")}
