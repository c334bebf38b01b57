"""A file with a merge conflict, a pointer or ciphertext in place of its content is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.files.unresolved import problems
from tests.builders.commands import DASHBOARD, by_hand, dlsync
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
CONFLICT = b"#!/bin/sh\n<<<<<<< HEAD\necho 1\n=======\necho 2\n>>>>>>> branch\n"
SOPS = b"title: Load\ndescription: ENC[AES256_GCM,data:Tr7o=,type:str]\ncriteria: []\nsops:\n    version: 3.7.1\n"
SAMPLE = b"description: |\n  ENC[AES256_GCM,data:x]\n  sops:\n"
FOUND = {
    POINTER: "holds a pointer of Git LFS",
    b"/annex/objects/SHA256E-s5--9f86d0.sh\n": "holds a pointer of git-annex",
    b"\0GITCRYPT\0\x93\x1a\0": "is encrypted by git-crypt",
    b"$ANSIBLE_VAULT;1.1;AES256\n6638643965\n": "is encrypted by Ansible Vault",
    b"age-encryption.org/v1\n-> X25519 x\n": "is encrypted by age",
    b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n": "is encrypted by age",
    b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n": "is encrypted by PGP",
    b"U2FsdGVkX19abc\n": "is encrypted by transcrypt",
    SOPS: "is encrypted by SOPS",
    b'{\n\t"data": "ENC[AES256_GCM,data:x]",\n\t"sops": {}\n}\n': "is encrypted by SOPS",
    CONFLICT: "a merge conflict is not resolved",
    CONFLICT.replace(b"\n", b"\r\n"): "a merge conflict is not resolved",
    b"<<<<<<< ours\n1\n||||||| base\n2\n=======\n3\n>>>>>>> theirs\n": "a merge conflict is not resolved",
}
FINE = [
    b"",
    b"#!/bin/sh\n# version https://git-lfs.github.com/spec/v1\n",
    b"#!/bin/sh\ncat <<EOF\n=======\nEOF\necho '<<<<<<< HEAD'\n",
    b"#!/bin/sh\ngrep -e '^<<<<<<< ' -e '^>>>>>>> '\n",
    b"title: Load\ndescription: a value such as ENC[AES256_GCM,data:x] of SOPS\n",
    b"title: Load\nsops: the team\n",
    b"#!/bin/sh\ngrep 'ENC[AES256_GCM,' $1 && cat <<EOF\nsops:\nEOF\n",
    b"#!/bin/sh\ncat <<EOF\n<<<<<<< ours\n>>>>>>> theirs\n=======\nEOF\n",
]


@pytest.mark.parametrize("content", FOUND)
def test_merge_conflicts_pointers_and_ciphertext_are_errors(content: bytes) -> None:
    (problem,) = problems("plugins/disk.sh", content)
    assert problem.message.startswith(FOUND[content])
    assert problem.severity == "error"


def test_a_merge_conflict_is_reported_at_its_first_line() -> None:
    assert [one.line for one in problems("plugins/disk.sh", CONFLICT)] == [2]


@pytest.mark.parametrize("content", FINE)
def test_a_file_that_only_mentions_conflict_or_ciphertext_markers_is_valid(content: bytes) -> None:
    assert not [*problems("plugins/disk.sh", content)]


@pytest.mark.parametrize("file", ["plugins/disk.sh", "rules/disk.yaml", "overlays/staging/rules/load.yaml"])
def test_an_apply_refuses_an_encrypted_file_and_writes_nothing(tmp_path: Path, env: dict[str, str], file: str) -> None:
    environment = {"dlsync.yaml": "environments: {staging: {}}\n", "rules/load.yaml": "title: Load\ncriteria: []\n"}
    tree = write_tree(tmp_path, {"dashboards/web.yaml": DASHBOARD, **environment, file: SOPS})
    done = dlsync("apply", tree, "--auto-approve", "-e", "staging", env=env)
    assert (done.code, {one.method for one in done.asked} - {"GET"}) == (1, set())
    assert f"{file}: error: is encrypted by SOPS: decrypt it\n" in done.err


def test_an_export_writes_no_file_that_the_next_run_would_refuse(tmp_path: Path, env: dict[str, str]) -> None:
    by_hand(env, "PUT", "dashboards/web", DASHBOARD)
    by_hand(env, "PUT", "rules/load", SOPS.decode())
    done = dlsync("export", tmp_path, env=env)
    why = "is encrypted by SOPS: decrypt it; if that is its content, put !PATH into .dlsyncignore"
    assert (done.code, done.err) == (3, f"error: rule/load: not written into rules/load.yaml: {why}\n")
    assert [*tree_files(tmp_path)] == ["dashboards/web.yaml"]
    assert dlsync("plan", tmp_path, env=env).code == 0


def test_an_exclamation_mark_pattern_in_dlsyncignore_permits_markers_as_content(
    tmp_path: Path, env: dict[str, str]
) -> None:
    write_tree(tmp_path, {".dlsyncignore": "!plugins/lint.sh\n!*.meta.yaml\n", "plugins/lint.sh": CONFLICT})
    write_tree(tmp_path, {"overlays/staging/plugins/lint.meta.yaml": SAMPLE})
    write_tree(tmp_path, {"dlsync.yaml": "environments: {staging: {}}\n"})
    assert dlsync("validate", tmp_path).code == 0
    assert dlsync("apply", tmp_path, "--auto-approve", env=env).code == 0
    (tmp_path / "plugins/lint.sh").unlink()
    assert dlsync("export", tmp_path, env=env).code == 0
    assert (tmp_path / "plugins/lint.sh").read_bytes() == CONFLICT
    assert dlsync("plan", tmp_path, "--detailed-exitcode", env=env).code == 0


def test_the_search_for_a_merge_conflict_takes_linear_time() -> None:
    """Only the time limit of each test would catch a slow search, because no test watches a clock."""
    assert not [*problems("plugins/disk.sh", b"<<<<<<< a\n" * 100_000)]
