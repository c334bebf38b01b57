"""``dlsync schema``: prints the JSON Schemas, for editors and other checks."""

from __future__ import annotations

import json

import pytest
from jsonschema_rs import meta

from dlsync.files import schema
from tests.builders.commands import dlsync


def test_schema_without_a_kind_lists_all_schemas() -> None:
    done = dlsync("schema")
    assert (done.code, done.out, done.err) == (0, "".join(f"{name}\n" for name in schema.names()), "")
    assert {"dashboard", "dlsync", "link", "plan", "plugin", "rule"} <= set(schema.names())


@pytest.mark.parametrize("name", schema.names())
def test_the_schema_of_a_kind_is_printed_unchanged_and_is_a_valid_json_schema(name: str) -> None:
    done = dlsync("schema", name)
    assert (done.code, done.out) == (0, schema.text(name))
    assert meta.is_valid(json.loads(done.out))


def test_an_unknown_kind_is_an_error_that_names_all_schemas() -> None:
    done = dlsync("schema", "dashbord")
    assert (done.code, done.out) == (1, "")
    assert done.err == f'error: there is no schema "dashbord"\nThere are: {", ".join(schema.names())}.\n'


def test_a_kind_without_files_of_its_own_is_an_error_that_names_the_schema_of_its_file() -> None:
    done = dlsync("schema", "account")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        'error: there is no schema "account"\nIts resources are in dlsync.yaml: run `dlsync schema dlsync`.\n'
    )
