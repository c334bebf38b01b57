"""``dlsync annotations``."""

from __future__ import annotations

import json

from tests.builders.commands import dlsync


def created(env: dict[str, str], *arguments: str) -> dict[str, str]:
    made = dlsync("annotations", "create", *arguments, "--format", "json", env=env)
    assert (made.code, made.err) == (0, "")
    found: dict[str, str] = json.loads(made.out)
    return found


def test_an_annotation_is_created_shown_updated_and_deleted(env: dict[str, str]) -> None:
    made = created(env, "deploys", "v24", "--description", "the shop")
    assert (made["name"], made["description"], made["stream"]) == ("v24", "the shop", "deploys")
    shown = dlsync("annotations", "get", "deploys", made["id"], env=env)
    assert (shown.code, shown.writes) == (0, [])
    assert "name         v24\n" in shown.out
    changed = dlsync("annotations", "update", "deploys", made["id"], "--name", "v25", env=env)
    assert (changed.code, len(changed.writes)) == (0, 1)
    assert "name         v25\ndescription  the shop\n" in changed.out
    gone = dlsync("annotations", "delete", "deploys", made["id"], "--yes", env=env)
    assert gone.out == f"deleted the annotation {made['id']} of deploys\n"


def test_list_shows_the_streams_or_the_annotations_of_a_stream(env: dict[str, str]) -> None:
    assert dlsync("annotations", "list", env=env)[:3] == (0, "", "no streams\n")
    made = created(env, "deploys", "v24")
    assert dlsync("annotations", "list", env=env)[:3] == (0, "STREAM\ndeploys\n", "")
    assert json.loads(dlsync("annotations", "list", "--format", "json", env=env).out) == ["deploys"]
    header, line = dlsync("annotations", "list", "deploys", env=env).out.splitlines()
    assert header.split() == ["TIME", "NAME", "DESCRIPTION", "ID"]
    assert line.split() == [made["start_time"], "v24", made["id"]]


def test_listing_a_missing_stream_is_an_error(env: dict[str, str]) -> None:
    done = dlsync("annotations", "list", "deploys", env=env)
    assert (done.code, done.out) == (1, "")
    assert "annotations/deploys: not found" in done.err


def test_an_update_without_changes_is_an_error(env: dict[str, str]) -> None:
    done = dlsync("annotations", "update", "deploys", "1", env=env)
    assert (done.code, done.asked) == (1, ())
    assert done.err == "error: there is nothing to change\nGive --name, --description or both.\n"


def test_delete_removes_a_whole_stream_after_confirmation(env: dict[str, str]) -> None:
    created(env, "deploys", "v24")
    assert dlsync("annotations", "delete", "deploys", env=env)[:1] == (1,)
    refused = dlsync("annotations", "delete", "deploys", env=env, typed="n\n")
    assert (refused.code, refused.writes) == (1, [])
    assert refused.err.startswith("Delete the stream deploys with all its annotations? [y/N] ")
    assert dlsync("annotations", "delete", "deploys", "--yes", env=env).out == "deleted the stream deploys\n"
    assert dlsync("annotations", "list", env=env).err == "no streams\n"
