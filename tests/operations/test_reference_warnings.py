"""Warnings about links to missing plugins and about likely misspelled metrics and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlsync.operations.validate import validate
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path


def rule(metric: str = "cpu.load", tag: str = "all", comment: str = "") -> str:
    scope = f"{{tag: {tag}}}"
    return f"title: R\ncriteria:\n- metric: {metric}{comment}\n  scope: {scope}{comment}\n"


def warnings(root: Path, files: dict[str, str]) -> list[str]:
    """Return the warnings of references as ``file:line: message``."""
    found = validate(write_tree(root, files)).problems
    texts = ("did you mean", "refers to")
    return [f"{one.file}:{one.line}: {one.message}" for one in found if any(text in one.message for text in texts)]


FIX = "add it, or correct or remove this line"


def test_a_link_to_a_missing_plugin_gets_a_warning_with_the_nearest_plugin_name(tmp_path: Path) -> None:
    files = {"plugins/postgres.sh": "#!/bin/sh\n", "links.yaml": "postgres: [db]\npostgre: [db]\nnginx: [web]\n"}
    assert warnings(tmp_path, files) == [
        "links.yaml:2: link/postgre refers to plugin/postgre, which the files do not have; did you mean `postgres`?",
        f"links.yaml:3: link/nginx refers to plugin/nginx, which the files do not have; {FIX}",
    ]


def test_a_link_to_a_plugin_of_a_pack_gets_no_warning(tmp_path: Path) -> None:
    files = {"packs/redis/plugins/redis.sh": "#!/bin/sh\n", "packs/redis/package.yaml": "name: redis\n"}
    assert warnings(tmp_path, {**files, "links.yaml": "redis: [cache]\n"}) == []


def test_a_metric_with_a_misspelled_plugin_name_gets_a_warning(tmp_path: Path) -> None:
    files = {"plugins/http_check.py": "#!/usr/bin/python\n", "rules/a.yaml": rule("http_chek.latency")}
    said = "metric `http_chek.latency`: did you mean `http_check.latency`? Else write `# dlsync: ignore` here"
    assert warnings(tmp_path, files) == [f"rules/a.yaml:3: {said}"]


def test_an_unresolved_variable_is_not_checked_as_a_name(tmp_path: Path) -> None:
    files = {"plugins/metric.py": "#!/usr/bin/python\n", "rules/a.yaml": rule("${METRIK}.load", tag="'${TAG}'")}
    assert warnings(tmp_path, files) == []


def test_a_tag_that_nearly_equals_another_tag_gets_a_warning(tmp_path: Path) -> None:
    files = {
        "plugins/x.sh": "#!/bin/sh\n",
        "links.yaml": "x: [worker]\n",
        "rules/a.yaml": rule(tag="[web, workr]"),
        "dashboards/d.yaml": "title: D\npositions:\n- metrics: [cpu.load]\n  series:\n  - scope: {tag: worker}\n",
    }
    assert [one for one in warnings(tmp_path, files) if "did you mean" in one] == [
        "rules/a.yaml:4: tag `workr`: did you mean `worker`? Else write `# dlsync: ignore` here"
    ]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("app.latancy", "app.latency"),
        ("app.latncy", "app.latency"),
        ("app.latenccy", "app.latency"),
        ("app.laetncy", "app.latency"),
        ("App.requEsts.count", "App.requests.count"),
    ],
)
def test_a_metric_one_letter_away_from_a_more_frequent_metric_gets_a_warning(
    tmp_path: Path, wrong: str, right: str
) -> None:
    files = {"rules/a.yaml": rule(wrong), "rules/b.yaml": rule(right), "rules/c.yaml": rule(right)}
    (found,) = warnings(tmp_path, files)
    assert found.startswith(f"rules/a.yaml:3: metric `{wrong}`: did you mean `{right}`?")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("net.rx", "net.tx"),
        ("net.rx_bytes", "net.tx_bytes"),
        ("load.1", "load.5"),
        ("disk.reads", "disk.read"),
        ("cmd.get", "cmd.set"),
        ("node.web1", "node.web2"),
        ("app.latency", "api.latancy"),
        ("cache.used", "cache.user"),
        ("cpu.free", "cpu.fre"),
        ("app.${var:x}", "app.${var:y}"),
    ],
)
def test_similar_names_that_can_both_be_intended_get_no_warning(tmp_path: Path, one: str, other: str) -> None:
    settings = "variables: {x: latency, y: latency}\n"
    assert warnings(tmp_path, {"dlsync.yaml": settings, "rules/a.yaml": rule(one), "rules/b.yaml": rule(other)}) == []


def test_a_name_that_several_rules_use_gets_no_warning(tmp_path: Path) -> None:
    names = {"a": "app.stats", "b": "app.states", "c": "app.staus", "d": "plugn.x"}
    files = {f"rules/{name}{number}.yaml": rule(metric) for name, metric in names.items() for number in range(3)}
    assert warnings(tmp_path, {**files, "plugins/plugin.sh": "#!/bin/sh\n"}) == []


def test_metrics_of_existing_plugins_with_similar_names_get_no_warning(tmp_path: Path) -> None:
    plugins = {f"plugins/{name}.sh": "#!/bin/sh\n" for name in ("http_check", "http_chek", "my.checks")}
    rules = {
        "rules/a.yaml": rule("http_chek.x"),
        "rules/b.yaml": rule("http_check.y"),
        "rules/c.yaml": rule("my.checks.z"),
    }
    assert warnings(tmp_path, {**plugins, **rules}) == []


def test_a_dlsync_ignore_comment_suppresses_the_warning_of_its_line(tmp_path: Path) -> None:
    files = {
        "plugins/http_check.py": "#!/usr/bin/python\n",
        "links.yaml": "http_check: [worker]\nother: [x]  # dlsync: ignore\n",
        "rules/a.yaml": rule("http_chek.latency", "workr", "  # dlsync: ignore"),
    }
    assert warnings(tmp_path, files) == []


def test_an_old_backup_gets_no_warnings_about_references(tmp_path: Path) -> None:
    link = '{"plugin": "gone", "tags": ["x"], "id": "1"}'
    assert warnings(tmp_path, {"links/1.json": link, "rules/a.yaml": rule()}) == []
