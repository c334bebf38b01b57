"""A fake ``gh`` for pipelines, whose GitHub is a file.

The environment variable ``GH_STATE`` names the file. It has lists of ``pulls`` (as the API returns those of a commit),
``runs``, ``issues`` and ``requests``, and ``newest``, the commit of the branch, by default that of the run. Artifacts
are the folders ``artifacts/RUN/NAME`` beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jq  # type: ignore[import-not-found]  # it has no types

State = dict[str, list[dict[str, Any]]]
REPOSITORY = "acme/monitoring"


def main(arguments: list[str], file: Path) -> int:
    state: State = json.loads(file.read_text())
    words = [word for word in arguments if not word.startswith("--")]
    options = dict(pairwise(arguments))
    verb = " ".join(words[:2])
    if words[0] == "api":
        _print(_api(state, urlsplit(words[1])), options)
    elif verb == "run download":
        assert options["--repo"] == REPOSITORY
        folder = file.parent / "artifacts" / words[2] / options["--name"]
        if not folder.is_dir():
            print("no artifact matches any of the names or patterns provided", file=sys.stderr)
            return 1
        shutil.copytree(folder, options["--dir"])
    elif verb == "issue list":
        assert (options["--app"], options["--state"]) == ("github-actions", "open")
        _print([one for one in state["issues"] if one["open"]], options)
    elif verb == "pr list":
        _print([one for one in state["requests"] if one["open"] and one["head"] == options["--head"]], options)
    else:
        _change(state[{"issue": "issues", "pr": "requests"}[words[0]]], words, options)
    file.write_text(json.dumps(state))
    return 0


def _api(state: State, path: Any) -> Any:
    if path.path.endswith("/pulls"):
        return state["pulls"]
    if path.path == f"repos/{REPOSITORY}/git/ref/heads/main":
        return {"object": next(iter(state["newest"]), {"sha": os.environ["GITHUB_SHA"]})}
    assert path.path == f"repos/{REPOSITORY}/actions/workflows/dlsync.yml/runs"
    query = parse_qs(path.query)
    assert query["event"] == ["pull_request"]
    return {"workflow_runs": [one for one in state["runs"] if one["head_sha"] == query["head_sha"][0]]}


def _print(document: Any, options: dict[str, str]) -> None:
    for found in jq.compile(options["--jq"]).input_value(document).all():
        print(found)


def _change(items: list[dict[str, Any]], words: list[str], options: dict[str, str]) -> None:
    fields = {"title": options.get("--title"), "head": options.get("--head"), "base": options.get("--base")}
    fields |= {"body": Path(options["--body-file"]).read_text()} if "--body-file" in options else {}
    fields = {name: value for name, value in fields.items() if value is not None}
    if words[1] == "create":
        items.append({"number": len(items) + 1, "open": True, "isCrossRepository": False, **fields})
        return
    item = next(one for one in items if one["number"] == int(words[2]))
    item |= fields if words[1] == "edit" else {"open": {"close": False}[words[1]]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ["GH_STATE"])))
