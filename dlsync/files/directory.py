"""Find and read the files of a directory; refuse symbolic links that lead outside of it."""

import errno
import os
import stat
from functools import cache
from pathlib import Path

# ten times the size of a large dashboard or script; the server accepts 16 MiB
MAX_FILE_BYTES = 10 * 1024 * 1024

_LEADS = "leads {} through a symbolic link; replace the link by a copy of its target"
# O_NONBLOCK, so that a named pipe without a writer does not block; Windows lacks some of these flags
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


class RefusedFile(OSError):
    """Report a file that dlsync refuses to open; ``strerror`` says why."""


class Directory:
    """Resolve the paths of files in a directory; each folder is resolved once.

    :param root: may be a symbolic link.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = root
        # realpath, unlike Path.resolve, does not raise on circular links; opening such a file does
        self._real = cache(os.path.realpath)
        self._inside = os.path.join(self._real(root), "")

    def real_path(self, file: str, *, follow: bool = True) -> str:
        """Return the path of a file, with symbolic links resolved; the file need not exist.

        :param file: relative to the directory.
        :param follow: False for the path of a link instead of its target.
        :raises RefusedFile: the file is outside of the directory, or a link leads to a hidden file, such as the
            configuration of git, which may hold tokens.
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
        """Whether a file is inside, as :meth:`real_path` decides."""
        try:
            self.real_path(file)
        except RefusedFile:
            return False
        return True

    def read(self, file: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """Return the content of a file; raises as :meth:`real_path` and :func:`read_regular`."""
        return read_regular(self.real_path(file), limit)


def read_regular(path: str | os.PathLike[str], limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a regular file; refuse symbolic links, and do not wait for pipes.

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
    """Return why a file was not read, to print after its name."""
    return f"{error.strerror}" if isinstance(error, RefusedFile) else f"cannot be read: {error.strerror or error}"


def _hidden_names(file: str) -> set[str]:
    # Kubernetes mounts a ConfigMap through links whose names begin with two dots
    return {part for part in file.replace(os.sep, "/").split("/") if part.startswith(".") and not part.startswith("..")}
