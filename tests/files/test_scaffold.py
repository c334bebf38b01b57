"""The files that ``dlsync init`` writes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.errors import DlsyncError
from dlsync.files import scaffold, schema, yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN = [
    "dlsync.yaml",
    "dashboards/hosts.yaml",
    "rules/host-overloaded.yaml",
    "plugins/load.sh",
    "plugins/load.meta.yaml",
    "links.yaml",
    ".gitignore",
    ".gitattributes",
    ".github/workflows/dlsync.yml",
    ".github/actions/dlsync/action.yml",
    ".gitlab-ci.yml",
    *(f"schemas/{name}.schema.json" for name in ("dlsync", "dashboard", "rule", "plugin", "link")),
]
# the options that a CI template may use, so that it works with later versions too
OPTIONS = {
    "validate": {"--format"},
    "plan": {"--detailed-exitcode", "--format", "--out", "--target"},
    "apply": {"--auto-approve", "--format", "--journal"},
    "comment": {"--github", "--new", "--html-url"},
    "drift": {"--format"},
    "export": {"--mirror", "--check", "--managed", "--target", "--commit"},
}


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def parsed(file: Path) -> Any:
    return yaml.parse(file.read_bytes(), file.name)


def scripts_of(node: Any) -> Iterator[str]:
    """Yield every shell script of a CI description."""
    if isinstance(node, dict):
        for key, inner in node.items():
            if key in {"run", "script", "before_script"}:
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from scripts_of(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from scripts_of(inner)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    scaffold.create(tmp_path / "new" / "tree", "1.2.3")
    return tmp_path / "new" / "tree"


def test_create_makes_the_folders_and_returns_the_written_files_in_order(tmp_path: Path) -> None:
    assert scaffold.create(tmp_path / "new" / "tree", "1.2.3") == scaffold.Created(tuple(WRITTEN), ())
    assert files_in(tmp_path / "new" / "tree") == sorted(WRITTEN)


def test_every_template_is_written_somewhere() -> None:
    templates = Path(scaffold.__file__).parent / "templates"

    of_pipelines = [template for files in scaffold.PIPELINES.values() for template in files.values()]
    assert sorted([*scaffold.SAMPLES.values(), *of_pipelines]) == files_in(templates)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("dlsync.yaml", "dlsync"),
        ("dashboards/hosts.yaml", "dashboard"),
        ("rules/host-overloaded.yaml", "rule"),
        ("plugins/load.meta.yaml", "plugin"),
        ("links.yaml", "link"),
    ],
)
def test_the_samples_have_no_schema_errors_or_warnings(tree: Path, file: str, kind: str) -> None:
    assert schema.check(kind, parsed(tree / file)) == []


def test_the_settings_that_are_commented_out_are_valid_too(tree: Path) -> None:
    setting = re.compile(r"^# ?(?=[a-z_]+:(?: \S+)?$|  )", re.MULTILINE)
    uncommented = setting.sub("", (tree / "dlsync.yaml").read_text(encoding="utf-8"))
    document: Any = yaml.parse(uncommented.encode())

    assert {"url", "protect", "concurrency", "requests_per_second", "environments"} < document.keys()
    assert schema.check("dlsync", document) == []


def test_the_sample_plugin_runs_and_produces_the_metrics_of_the_samples(tree: Path) -> None:
    ran = subprocess.run([tree / "plugins" / "load.sh"], capture_output=True, text=True, check=False)
    text, _, perfdata = ran.stdout.partition(" | ")

    assert text.split(" - ")[0] == ("OK", "WARNING", "CRITICAL")[ran.returncode]
    assert re.fullmatch(r"per_core=[\d.]+;2;4;0 cores=\d+\n", perfdata)
    assert "load.per_core" in (tree / "dashboards/hosts.yaml").read_text(encoding="utf-8")
    assert "load.per_core" in (tree / "rules/host-overloaded.yaml").read_text(encoding="utf-8")


def test_the_gitignore_excludes_the_dlsync_folder(tree: Path) -> None:
    assert ".dlsync/" in (tree / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("file", "commands"),
    [
        (
            ".github/actions/dlsync/action.yml",
            ["validate", "plan", "comment", "apply", "drift", "export"],
        ),
        (".gitlab-ci.yml", ["validate", "validate", "plan", "apply", "drift", "drift", "export"]),
    ],
)
def test_the_ci_templates_use_only_known_commands_and_options_and_name_the_key_variable(
    tree: Path, file: str, commands: list[str]
) -> None:
    lines = [line for script in scripts_of(parsed(tree / file)) for line in script.splitlines()]
    calls = [line.removeprefix("exec ").split() for line in lines if re.match("(exec )?dlsync ", line)]

    assert [call[1] for call in calls] == commands
    assert all(set(re.findall(r"(?<!:\+)--[\w-]+", " ".join(call))) <= OPTIONS[call[1]] for call in calls)
    keys = tree / (".github/workflows/dlsync.yml" if file.endswith("action.yml") else file)
    assert "DLSYNC_API_KEY" in keys.read_text(encoding="utf-8")


def test_every_ci_script_is_valid_bash(tree: Path) -> None:
    for file in (".github/actions/dlsync/action.yml", ".gitlab-ci.yml"):
        for script in scripts_of(parsed(tree / file)):
            assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0, script


@pytest.mark.parametrize("file", [file for file in WRITTEN if file != ".gitattributes"])
def test_create_refuses_an_existing_file_and_writes_nothing(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("mine")

    with pytest.raises(DlsyncError, match=f"has these already: {re.escape(file)}$"):
        scaffold.create(tmp_path, "1.2.3")

    assert files_in(tmp_path) == [file]
    assert (tmp_path / file).read_text() == "mine"


def test_the_error_names_all_existing_files_and_dangling_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".gitignore").touch()

    with pytest.raises(DlsyncError, match=r"dlsync\.yaml, \.gitignore$") as caught:
        scaffold.create(tmp_path, "1.2.3")

    assert caught.value.hint == "Move them away, or start in another folder: nothing is overwritten."


def test_create_keeps_other_files_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")

    scaffold.create(tmp_path, "1.2.3")

    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_symbolic_link_that_leads_outside_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "rules").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DlsyncError, match=r"outside of .*: rules/host-overloaded\.yaml$"):
        scaffold.create(tmp_path / "tree", "1.2.3")

    assert files_in(tmp_path) == []


@pytest.mark.parametrize("obstacle", [".github", "plugins"])
def test_a_failed_write_removes_the_files_written_before_it(tmp_path: Path, obstacle: str) -> None:
    (tmp_path / obstacle).write_text("a file where a folder is needed")

    with pytest.raises(DlsyncError, match=f"cannot write .*{re.escape(obstacle)}"):
        scaffold.create(tmp_path, "1.2.3")

    assert files_in(tmp_path) == [obstacle]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tree").write_text("")

    with pytest.raises(DlsyncError, match=r"cannot write .*tree"):
        scaffold.create(tmp_path / "tree", "1.2.3")


@pytest.mark.parametrize("file", [one for one in WRITTEN if one.endswith(".yaml")])
def test_the_first_line_of_a_sample_names_its_schema(tree: Path, file: str) -> None:
    first = (tree / file).read_text().split("\n", 1)[0]
    found = (tree / file).parent / first.removeprefix("# yaml-language-server: $schema=")
    assert found.resolve().relative_to(tree.resolve()).as_posix() in WRITTEN
    name = found.name.removesuffix(".schema.json")
    assert found.read_text() == schema.text(name)
    assert schema.check(name, parsed(tree / file)) == []


def test_each_environment_names_only_its_own_account() -> None:
    document: Any = yaml.parse(scaffold.render("dlsync.yaml", "1.2.3", ["staging", "production"]))
    assert "accounts" not in document
    accounts = {name: settings["accounts"] for name, settings in document["environments"].items()}
    assert accounts == {"staging": ["staging"], "production": ["production"]}


def test_the_gitlab_pipeline_sets_no_global_defaults_for_files_that_include_it() -> None:
    document: Any = yaml.parse(scaffold.render("gitlab-ci.yml", "1.2.3", ["staging"]))
    assert document.keys().isdisjoint({"default", "image", "before_script", "cache"})
    jobs = [job for name, job in document.items() if name not in {"stages", "variables", ".dlsync"}]
    assert {job["extends"] for job in jobs} == {".dlsync", ".plan", ".apply", ".drift"}
