"""Write the files of ``dlsync init``, a new tree and pipelines, from ``templates/``."""

import os
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple

from dlsync.errors import DlsyncError, SettingsError
from dlsync.files import schema
from dlsync.files.directory import Directory
from dlsync.files.settings import FILE_NAME, environment_names, read_valid

Platform = Literal["github", "gitlab"]
GIT_IGNORE = ".gitignore"
GIT_ATTRIBUTES = ".gitattributes"
GITLAB = ".gitlab-ci.yml"

# path in the tree -> template; no template is a dotfile, because tools that build or unpack wheels skip those
SAMPLES = {
    FILE_NAME: "dlsync.yaml",
    "dashboards/hosts.yaml": "dashboard.yaml",
    "rules/host-overloaded.yaml": "rule.yaml",
    "plugins/load.sh": "plugin.sh",
    "plugins/load.meta.yaml": "plugin.meta.yaml",
    "links.yaml": "links.yaml",
    GIT_IGNORE: "gitignore",
    GIT_ATTRIBUTES: "gitattributes",
}
PIPELINES: Mapping[Platform, Mapping[str, str]] = {
    "github": {
        ".github/workflows/dlsync.yml": "github-workflow.yml",
        ".github/actions/dlsync/action.yml": "github-action.yml",
    },
    "gitlab": {GITLAB: "gitlab-ci.yml"},
}

# in the tree, so that editors find them offline
SCHEMAS = {f"schemas/{name}.schema.json": name for name in ("dlsync", "dashboard", "rule", "plugin", "link")}

_PARTS_OF_A_TREE = (FILE_NAME, "dashboards", "rules", "plugins", "packs", "links.yaml")
_TO_INCLUDE = (
    "Move it away, run this again, rename the new one to dlsync.gitlab-ci.yml, move yours back, and add to it: "
    "`include: [{local: dlsync.gitlab-ci.yml}]`. docs/pipelines-gitlab.md of dlsync says what else to change."
)
# names that are valid on the platforms, as branches, as files and in a shell
_ENVIRONMENT = re.compile(r"(?!.*(\.\.|\.$|\.lock$))[A-Za-z0-9][A-Za-z0-9_.-]*")


class Created(NamedTuple):
    """The files that were written, and the environments of the pipelines."""

    files: tuple[str, ...]
    environments: tuple[str, ...]


def create(
    directory: Path, version: str, platform: Platform | None = None, environments: Sequence[str] = ()
) -> Created:
    """Write a new tree with its pipelines; in an existing tree, write only pipelines and missing settings.

    :param version: of dlsync, which the pipelines install.
    :param platform: of the pipelines; None for all platforms, and for a new tree in any case.
    :param environments: of the pipelines; empty for those of the tree's dlsync.yaml.
    :raises SettingsError: pipelines cannot have the name of an environment, the tree's dlsync.yaml lacks it or has
        errors, or the tree is in a folder of the directory.
    """
    present = [name for name in _PARTS_OF_A_TREE if platform and os.path.lexists(directory / name)]
    exists = FILE_NAME in present
    if platform and not present and (below := sorted(directory.glob(f"*/{FILE_NAME}"))):
        hint = f"Give that folder: `dlsync init {quote(str(below[0].parent))} --ci {platform}`."
        raise SettingsError(f"the files of dlsync are not in {directory} but in {below[0].parent}", hint=hint)
    if exists:
        read_valid(directory)
    known = environment_names(directory) if exists else None
    chosen = tuple(dict.fromkeys(environments)) or known or ()
    _check(chosen, known, directory)
    written = () if exists else (FILE_NAME, GIT_IGNORE) if present else SAMPLES
    templates = {file: SAMPLES[file] for file in written}
    for name in [platform] if platform else PIPELINES:
        templates |= PIPELINES[name]
    contents = {file: render(template, version, chosen) for file, template in templates.items()}
    contents |= {file: schema.text(name).encode() for file, name in ({} if exists else SCHEMAS).items()}
    may_exist = [GIT_ATTRIBUTES, *((GIT_IGNORE, *SCHEMAS) if platform else ())]
    for file in may_exist:
        if os.path.lexists(directory / file):
            contents.pop(file, None)
    return Created(tuple(write_new(directory, contents)), chosen)


def _check(environments: Sequence[str], known: Sequence[str] | None, directory: Path) -> None:
    if wrong := [name for name in environments if not _ENVIRONMENT.fullmatch(name)]:
        hint = "Use letters, digits, `_`, `-` and single `.`; first a letter or a digit; last neither `.` nor `.lock`."
        raise SettingsError(f"no pipeline can have these environments: {', '.join(map(repr, wrong))}", hint=hint)
    by_folded = {name.casefold(): name for name in environments}
    if alike := [name for name in environments if by_folded[name.casefold()] != name]:
        pairs = ", ".join(f"{name} and {by_folded[name.casefold()]}" for name in alike)
        hint = "Rename one, or give the others with --environments: environments and queues of GitHub ignore case."
        raise SettingsError(f"the names of these environments differ only in case: {pairs}", hint=hint)
    if known is not None and (missing := [name for name in environments if name not in known]):
        hint = f"Add them under `environments:` in {directory / FILE_NAME}, each with its `account`."
        raise SettingsError(f"{FILE_NAME} lacks these environments: {', '.join(missing)}", hint=hint)


def render(template: str, version: str, environments: Sequence[str] = ()) -> bytes:
    """Render a template for a version of dlsync and environments."""
    from jinja2 import Environment, StrictUndefined

    # GitHub uses `{{ }}`; `_check` refuses names that need an escape
    jinja = Environment("[%", "%]", "[[", "]]", "[#", "#]", trim_blocks=True)  # noqa: S701 - it renders no HTML
    jinja.undefined, jinja.keep_trailing_newline = StrictUndefined, True
    text = (files("dlsync.files") / "templates" / template).read_text(encoding="utf-8")
    return jinja.from_string(text).render(version=version, environments=list(environments)).encode()


def write_new(directory: Path, contents: Mapping[str, bytes]) -> list[str]:
    """Write new files and return their paths in the directory, in the order of writing.

    :param directory: created if it is missing; other files in it stay.
    :param contents: by path in the directory; shell scripts become executable.
    :raises DlsyncError: a file exists already, is outside of the directory, or cannot be written; then none is written.
    """
    if taken := [file for file in contents if os.path.lexists(directory / file)]:
        hint = (
            _TO_INCLUDE if taken == [GITLAB] else "Move them away, or start in another folder: nothing is overwritten."
        )
        raise DlsyncError(f"{directory} has these already: {', '.join(taken)}", hint=hint)
    inside = Directory(directory)
    if outside := [file for file in contents if not inside.holds(file)]:
        hint = "Replace the symbolic links on the way to them by folders."
        raise DlsyncError(f"these would be written outside of {directory}: {', '.join(outside)}", hint=hint)
    written: list[Path] = []
    try:
        for path, content in ((directory / file, content) for file, content in contents.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                written.append(path)
                stream.write(content)
            if path.suffix == ".sh":
                path.chmod(0o755)
    except OSError as error:
        for path in written:
            path.unlink()
        place, hint = error.filename or directory, "Choose a folder that can be written."
        raise DlsyncError(f"cannot write {place}: {error.strerror}", hint=hint) from error
    return list(contents)
