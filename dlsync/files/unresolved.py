"""Find files that hold a merge conflict, or a pointer or ciphertext of another tool in place of their content."""

import re
from collections.abc import Iterator

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
# both markers, since a script may have a line that looks like one
_CONFLICT = re.compile(rb"^<<<<<<< .*?^>>>>>>> ", re.MULTILINE | re.DOTALL)


def problems(file: str, content: bytes) -> Iterator[Problem]:
    """Yield an error if a file holds a merge conflict, a pointer or ciphertext.

    :param file: relative to the tree.
    """
    for beginning, message in _BEGINNINGS.items():
        if content.startswith(beginning):
            yield Problem(Code.UNRESOLVED_FILE, message, file)
    if _SOPS_VALUE in content and _SOPS.search(content):
        yield Problem(Code.UNRESOLVED_FILE, "is encrypted by SOPS: decrypt it", file)
    if b"<<<<<<< " in content and (found := _CONFLICT.search(content)):  # the pattern alone takes ten times as long
        line = content.count(b"\n", 0, found.start()) + 1
        yield Problem(Code.UNRESOLVED_FILE, "a merge conflict is not resolved: choose a side", file, line)
