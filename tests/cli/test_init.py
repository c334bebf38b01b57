"""``dlsync init``: writes a tree to start from."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dlsync.files.scaffold import PIPELINES, SAMPLES, SCHEMAS
from dlsync.files.settings import environment_names
from tests.builders.commands import dlsync
from tests.builders.repositories import commit_all, git, repository
from tests.builders.trees import tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.trees import Account

CI: dict[str, list[str]] = {platform: list(files) for platform, files in PIPELINES.items()}
FILES = [*SAMPLES, *CI["github"], *CI["gitlab"], *SCHEMAS]
URL_IN_CI = "In CI: set `url`, of a server that the runner reaches, `org` and `account` in dlsync.yaml\n"
KEY_IN_CI = "In CI: store the key as {} DLSYNC_API_KEY; {} of dlsync has all settings\n"
IN_CI = {
    "github": URL_IN_CI + KEY_IN_CI.format("the secret", "docs/pipelines.md"),
    "gitlab": URL_IN_CI + KEY_IN_CI.format("the masked variable", "docs/pipelines-gitlab.md"),
}


def test_a_new_folder_gets_a_tree_that_validates_applies_and_plans_to_nothing(
    tmp_path: Path, env: dict[str, str]
) -> None:
    tree = tmp_path / "new folder"
    done = dlsync("init", tree)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        *(f"wrote {file}" for file in FILES),
        f"Next: dlsync validate '{tree}'",
        f"Then, while `dlsync serve --port 8080` runs: DLSYNC_API_KEY=changeme dlsync plan '{tree}'",
    ]
    assert dlsync("validate", tree).out.endswith("resources: 0 errors, 0 warnings.\n")
    assert dlsync("apply", tree, "--auto-approve", env=env).code == 0
    assert dlsync("plan", tree, "--detailed-exitcode", env=env).code == 0


NAMED = re.compile(
    r"Next: dlsync (?P<validate>.+)\n"
    r"Then, while `dlsync serve --port (?P<port>\d+)` runs: DLSYNC_API_KEY=(?P<key>\w+) dlsync (?P<plan>.+)\n\Z"
)


def test_the_commands_that_init_prints_work_on_the_files_that_it_wrote(tmp_path: Path, live: Account) -> None:
    """The test edits no file; only the port differs, because the printed port may be in use."""
    named = NAMED.search(dlsync("init", tmp_path / "new folder").out)
    assert named
    served = urlsplit(live.settings.url)._replace(netloc=f"127.0.0.1:{named['port']}").geturl()
    assert f"\nurl: {served}\n" in (tmp_path / "new folder/dlsync.yaml").read_text()
    env = {"DLSYNC_API_KEY": named["key"], "DLSYNC_URL": live.settings.url}
    for command in (named["validate"], named["plan"]):
        assert dlsync(*shlex.split(command), env=env).code == 0


@pytest.mark.parametrize("platform", CI)
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), []),
        (("staging,production",), ["staging", "production"]),
        (("b", "a,b"), ["b", "a"]),
        (("1,null",), ["1", "null"]),
    ],
)
def test_a_tree_with_the_pipelines_of_one_platform_works_with_the_commands_that_init_prints(
    tmp_path: Path, live: Account, platform: str, options: tuple[str, ...], names: list[str]
) -> None:
    arguments = [word for names in options for word in ("--environments", names)]
    done = dlsync("init", tmp_path, "--ci", platform, *arguments)
    assert (done.code, done.err) == (0, "")
    assert tree_files(tmp_path).keys() == {*SAMPLES, *CI[platform], *SCHEMAS}
    assert done.out.endswith(f"\n{IN_CI[platform]}")
    named = NAMED.search(done.out.removesuffix(IN_CI[platform]))
    assert named
    env = {"DLSYNC_API_KEY": named["key"], "DLSYNC_URL": live.settings.url}
    for command in (named["validate"], named["plan"]):
        ran = dlsync(*shlex.split(command), env=env)
        assert ran.code == 0, ran.err
    assert list(environment_names(tmp_path)) == names
    assert named["plan"].endswith(f" -e {names[0]}" if names else str(tmp_path))


@pytest.mark.parametrize("platform", CI)
def test_init_ci_adds_only_the_pipelines_to_an_existing_tree(tmp_path: Path, platform: str) -> None:
    accounts = "environments: {staging: {account: s}, production: {account: p}}\n"
    write_tree(tmp_path, {"dlsync.yaml": accounts, "rules/load.yaml": "title: Load\ncriteria: []\n"})
    done = dlsync("init", tmp_path, "--ci", platform)
    assert done.out.splitlines() == [
        *(f"wrote {file}" for file in CI[platform]),
        f"Next: dlsync validate {tmp_path}",
        *IN_CI[platform].splitlines(),
    ]
    assert tree_files(tmp_path).keys() == {"dlsync.yaml", "rules/load.yaml", *CI[platform]}
    again = dlsync("init", tmp_path, "--ci", platform)
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith(f"error: {tmp_path} has these already: {', '.join(CI[platform])}\n")


def test_git_keeps_the_bytes_of_plugins_on_windows_too(tmp_path: Path) -> None:
    root = repository(tmp_path / "repo")
    git(root, "config", "core.autocrlf", "true")
    assert dlsync("init", root).code == 0
    write_tree(root, {"plugins/check.bat": b"rem\r\n", "packs/nginx/plugins/nginx.sh": b"#!/bin/sh\n"})
    before = tree_files(root)
    commit_all(root, "second")
    git(root, "rm", "--quiet", "--cached", "-r", ".")
    git(root, "reset", "--quiet", "--hard")
    after = tree_files(root)
    scripts = [file for file in before if "plugins/" in file and not file.startswith(".git/")]
    assert len(scripts) == 4
    assert {file: after[file] for file in scripts} == {file: before[file] for file in scripts}
    assert after["rules/host-overloaded.yaml"] == before["rules/host-overloaded.yaml"].replace(b"\n", b"\r\n")
    assert dlsync("validate", root).out.endswith("0 errors, 1 warning.\n")  # the pack has no package.yaml


def test_a_repository_keeps_its_gitattributes(tmp_path: Path) -> None:
    write_tree(tmp_path, {".gitattributes": "* text=auto\n"})
    assert dlsync("init", tmp_path).code == 0
    assert (tmp_path / ".gitattributes").read_text() == "* text=auto\n"


def test_a_repository_keeps_its_gitignore(tmp_path: Path) -> None:
    write_tree(tmp_path, {".gitignore": "build/\n"})
    done = dlsync("init", tmp_path, "--ci", "github")
    assert done.code == 0
    assert tree_files(tmp_path).keys() == {*SAMPLES, *CI["github"], *SCHEMAS}
    assert (tmp_path / ".gitignore").read_text() == "build/\n"


def test_init_in_a_subfolder_of_a_repository_says_that_ci_reads_the_root(tmp_path: Path) -> None:
    root = repository(tmp_path / "repo")
    told = "In CI: move the pipeline to the repository's root, and set DLSYNC_DIRECTORY in it to team/web/\n"
    assert told in dlsync("init", root / "team/web", "--ci", "github").out
    assert told.replace("web", "db") in dlsync("init", root / "team/db").out
    assert "DLSYNC_DIRECTORY" not in dlsync("init", root, "--ci", "github").out


@pytest.mark.parametrize("options", [(), ("--environments", "production,staging")])
def test_the_pipelines_of_a_tree_are_for_its_environments_unless_some_are_named(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "environments: {a: {account: a}, staging: {}, production: {account: p}}\n"})
    assert dlsync("init", tmp_path, "--ci", "github", *options).code == 0
    names = re.findall(r"^    name: apply \((.+)\)$", (tmp_path / CI["github"][0]).read_text(), re.MULTILINE)
    assert names == (["production", "staging"] if options else ["a", "staging", "production"])


@pytest.mark.parametrize("file", ["links.yaml", "packs/web/package.yaml", "dashboards/web.yaml"])
def test_a_tree_without_settings_gets_settings_and_no_samples(tmp_path: Path, file: str) -> None:
    write_tree(tmp_path, {file: "", "schemas/rule.schema.json": "mine"})
    done = dlsync("init", tmp_path, "--ci", "github", "--environments", "a,b")
    assert (done.code, done.err, "Then, while `dlsync serve" in done.out) == (0, "", True)
    assert tree_files(tmp_path).keys() == {file, "dlsync.yaml", ".gitignore", *CI["github"], *SCHEMAS}
    assert (tmp_path / "schemas/rule.schema.json").read_text() == "mine"
    assert list(environment_names(tmp_path)) == ["a", "b"]


def test_init_writes_no_pipeline_when_the_settings_cannot_be_read(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "environments: {staging: {account: s}\n"})
    done = dlsync("init", tmp_path, "--ci", "github")
    assert done.code == 1
    assert done.err.startswith("error: dlsync.yaml:2:1: expected")
    assert not (tmp_path / ".github").exists()


def test_named_environments_that_the_settings_lack_are_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": ""})
    done = dlsync("init", tmp_path, "--ci", "github", "--environments", "a,b")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "error: dlsync.yaml lacks these environments: a, b",
        f"Add them under `environments:` in {tmp_path / 'dlsync.yaml'}, each with its `account`.",
    ]
    assert tree_files(tmp_path).keys() == {"dlsync.yaml"}


def test_init_in_a_repository_with_its_tree_in_a_subfolder_says_to_name_the_subfolder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"the team/dlsync.yaml": "", "README.md": ""})
    done = dlsync("init", tmp_path, "--ci", "github")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"error: the files of dlsync are not in {tmp_path} but in {tmp_path}/the team\n"
        f"Give that folder: `dlsync init '{tmp_path}/the team' --ci github`.\n"
    )
    assert tree_files(tmp_path).keys() == {"the team/dlsync.yaml", "README.md"}
    command = done.err.split("`")[1].split("'")
    assert dlsync("init", command[1], *command[2].split()).code == 0


@pytest.mark.parametrize(
    "name", ["a b", "${{ secrets.A }}", "-a", "ä", "a\n", "a/b", '"', "a'", "a.", "a..b", "a.lock"]
)
def test_an_environment_name_that_a_pipeline_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    done = dlsync("init", tmp_path, "--environments", name)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: no pipeline can have these environments: {name!r}\n")
    assert tree_files(tmp_path) == {}


@pytest.mark.parametrize("options", [("--environments", "A,b,a"), ()])
def test_environments_whose_names_differ_only_in_case_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    settings = b"environments: {A: {account: x}, b: {account: y}, a: {account: z}}\n"
    (tmp_path / "dlsync.yaml").write_bytes(settings)
    done = dlsync("init", tmp_path, "--ci", "github", *options)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: the names of these environments differ only in case: A and a\n"
        "Rename one, or give the others with --environments: environments and queues of GitHub ignore case.\n"
    )
    assert tree_files(tmp_path) == {"dlsync.yaml": settings}


def test_an_existing_gitlab_pipeline_is_an_error_that_says_how_to_include_the_new_pipeline(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "org: acme\n", ".gitlab-ci.yml": "mine: {}\n"})
    done = dlsync("init", tmp_path, "--ci", "gitlab")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"error: {tmp_path} has these already: .gitlab-ci.yml\n"
        "Move it away, run this again, rename the new one to dlsync.gitlab-ci.yml, move yours back, and add to it: "
        "`include: [{local: dlsync.gitlab-ci.yml}]`. docs/pipelines-gitlab.md of dlsync says what else to change.\n"
    )
    assert tree_files(tmp_path) == {"dlsync.yaml": b"org: acme\n", ".gitlab-ci.yml": b"mine: {}\n"}


def test_init_keeps_other_files_of_the_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"README.md": "mine"})
    assert dlsync("init", tmp_path).code == 0
    assert tree_files(tmp_path).keys() == {"README.md", *FILES}


def test_an_existing_file_is_an_error_that_names_it_and_nothing_is_written(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "org: acme\n"})
    done = dlsync("init", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {tmp_path} has these already: dlsync.yaml\n")
    assert tree_files(tmp_path) == {"dlsync.yaml": b"org: acme\n"}


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": ""})
    done = dlsync("init", tmp_path / "file")
    assert (done.code, done.out) == (1, "")
    assert str(tmp_path / "file") in done.err
