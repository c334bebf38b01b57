"""The environment variables that a tree mentions: a record is trusted only for these names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.errors import DlsyncError
from dlsync.operations.hidden_secrets import Former, mentioned, parted
from tests.builders.trees import resource, rule, write_tree

if TYPE_CHECKING:
    from pathlib import Path

LIVE = resource("rule/web", rule(description="was s3cret"))


def test_names_are_found_in_yaml_files_of_every_environment_and_in_comments(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "dlsync.yaml": "org: acme # ${env:SETTINGS}\n",
        "rules/a/web.yaml": "title: x ${env:ONE}${env:TWO} $${env:LITERAL} ${var:VARIABLE}\n",
        "overlays/prod/rules/a/web.yaml": "title: ${env:PROD}\n",
        "packs/p/plugins/a.meta.yaml": "params: ${env:PACK}\n",
        "links.yaml": "a: ['${env:TAG}']\n",
        "plugins/disk.ps1": "Write-Output ${env:SCRIPT}\n",
        "notes/any.yaml": "${env:OUTSIDE}\n",
        "dashboards/broken.yaml": b"\xff ${env:BROKEN} [",
    }
    named = {"SETTINGS", "ONE", "TWO", "PROD", "PACK", "TAG", "BROKEN"}
    assert mentioned(write_tree(tmp_path, files)) == named


def test_a_missing_tree_mentions_nothing(tmp_path: Path) -> None:
    assert mentioned(tmp_path / "none") == frozenset()


def test_a_record_is_trusted_only_for_names_that_the_tree_mentions(tmp_path: Path) -> None:
    write_tree(tmp_path, {"rules/web.yaml": "title: ${env:A}\n"})
    former = parted({"a": "${env:A}", "b": "x ${env:A} ${env:B}", "c": "${env:PATH}"}, tmp_path)
    assert (former.known, former.strange) == ({"a": "${env:A}"}, {"b": "B", "c": "PATH"})
    assert "PATH" not in repr(former)
    assert parted({}, tmp_path) == Former()


def test_a_file_with_an_untrusted_secret_is_not_written_unless_it_already_has_the_value() -> None:
    former = Former(strange={"was s3cret": "PATH", "other": "\x1b[2J"})
    with pytest.raises(DlsyncError, match=r"^not written, .* as \$\{env:PATH\}, which no file of the directory"):
        former.require_known(None, LIVE)
    with pytest.raises(DlsyncError, match="not written"):
        former.require_known(resource("rule/web", rule()), LIVE)
    former.require_known(LIVE, LIVE)
    former.require_known(None, resource("rule/web", rule()))
    Former({"was s3cret": "${env:A}"}).require_known(None, LIVE)
