"""Find files that hold a merge conflict, or a pointer or ciphertext of another tool in place of their content."""

import re
from collections.abc import Iterator

from dlsync.files.ignored import NOTHING_BUT_BUILT_IN, Ignored
from dlsync.model import Code, Problem

_BEGINNINGS = {
    b"version https://git-lfs.github.com/spec/": "holds a pointer of Git LFS, not its content: run `git lfs pull`",
    b"/annex/objects/": "holds a pointer of git-annex, not its content: run `git annex get`",
    b"\0GITCRYPT\0": "is encrypted by git-crypt: run `git-crypt unlock`",
    b"$ANSIBLE_VAULT;": "is encrypted by Ansible Vault: decrypt it",
    b"age-encryption.org/v1": "is encrypted by age: decrypt it",
    b"-----BEGIN AGE ENCRYPTED FILE-----": "is encrypted by age: decrypt it",
    b"-----BEGIN PGP MESSAGE-----": "is encrypted by PGP: decrypt it",
    b"U2FsdGVkX1": "is encrypted by transcrypt or OpenSSL: decrypt it",  # base64 of `Salted__`
}
_SOPS = re.compile(rb'^\s*"?sops"?:', re.MULTILINE)
_SOPS_VALUE = b"ENC[AES256_GCM,"
_MARKS = re.compile(rb"^(?:<{7} |={7}\r?$|>{7} )", re.MULTILINE)


def problems(file: str, content: bytes, ignored: Ignored = NOTHING_BUT_BUILT_IN) -> Iterator[Problem]:
    """Yield an error if a file holds a merge conflict, a pointer or ciphertext.

    :param file: relative to the tree.
    :param ignored: the patterns of the tree; a file that they include on purpose may hold anything.
    """
    if ignored.by_user(file) is False:
        return
    for beginning, message in _BEGINNINGS.items():
        if content.startswith(beginning):
            yield Problem(Code.UNRESOLVED_FILE, message, file)
    if _SOPS_VALUE in content and not content.startswith(b"#!") and _SOPS.search(content):
        yield Problem(Code.UNRESOLVED_FILE, "is encrypted by SOPS: decrypt it", file)
    marks = [*_MARKS.finditer(content)] if b"<<<<<<< " in content else []  # most files have none
    # all three one after the other, since a script may have a line that looks like one
    if (first := b"".join(one[0][:1] for one in marks).find(b"<=>")) >= 0:
        line = content.count(b"\n", 0, marks[first].start()) + 1
        yield Problem(Code.UNRESOLVED_FILE, "a merge conflict is not resolved: choose a side", file, line)
