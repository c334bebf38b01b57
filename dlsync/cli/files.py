"""The commands for files and settings; they change nothing on the server."""

import os
import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.errors import EXIT_CHANGES, EXIT_ERROR, EXIT_OK
from dlsync.messages import visible

Source = Annotated[Path, typer.Argument(metavar="SRC", help="The folder <org>/<account>/ of the old client's backup.")]
NewTree = Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write into; existing files are kept.")]


# for each platform: what holds the key, and the page of its settings
_IN_CI = {
    "github": ("the secret", "docs/pipelines.md"),
    "gitlab": ("the masked variable", "docs/pipelines-gitlab.md"),
}
Ci = Annotated[
    Literal["github", "gitlab"] | None,
    typer.Option(help="Write only the pipelines of this platform; in an existing directory, no samples."),
]
Environments = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME,NAME", help="For these environments, applied in this order; repeatable."),
]


@opt.command
def init(directory: opt.Directory = opt.CURRENT, ci: Ci = None, environments: Environments = None) -> None:
    """Create a directory with settings, samples and CI templates."""
    from dlsync import __version__
    from dlsync.files import git, scaffold, settings

    names = [name for value in environments or () for name in value.split(",") if name]
    created = scaffold.create(directory, __version__, ci, names)
    lines = [f"wrote {file}" for file in created.files]
    place = shlex.quote(str(directory))
    lines.append(f"Next: dlsync validate {place}")
    if settings.FILE_NAME in created.files:
        chosen = f" -e {created.environments[0]}" if created.environments else ""
        lines.append(
            f"Then, while `dlsync serve --port 8080` runs: DLSYNC_API_KEY=changeme dlsync plan {place}{chosen}"
        )
    if folder := git.place(directory):
        lines.append(f"In CI: move the pipeline to the repository's root, and set DLSYNC_DIRECTORY in it to {folder}")
    if ci:
        place_of_key, page = _IN_CI[ci]
        lines.append("In CI: set `url`, of a server that the runner reaches, `org` and `account` in dlsync.yaml")
        lines.append(f"In CI: store the key as {place_of_key} DLSYNC_API_KEY; {page} of dlsync has all settings")
    console.write_stdout("".join(f"{visible(line)}\n" for line in lines))


@opt.command
def import_backup(source: Source, directory: NewTree, output: opt.Output = "text") -> None:
    """Convert an old client's backup into dlsync's files."""
    from dlsync.operations import import_backup as backup

    imported = backup.import_backup(source, directory)
    console.report(imported.problems)
    if output == "json":
        problems = [one.as_document() for one in imported.problems]
        named = {"org": imported.org or None, "account": imported.account or None}
        files = {"files": imported.files, "agents": imported.agents}
        console.write_json({"format_version": 1, **named, **files, "problems": problems})
        return
    lines = [f"wrote {file}" for file in imported.files]
    if imported.agents:
        lines.append(f"agents are listed, never applied: {', '.join(imported.agents)}")
    lines.append(f"Next: dlsync validate {shlex.quote(str(directory))}")
    console.write_stdout("".join(f"{visible(line)}\n" for line in lines))


@opt.command
def fmt(
    directory: opt.Directory = opt.CURRENT,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 if files would change.")] = False,
    output: opt.Output = "text",
) -> int:
    """Format the YAML files; comments are kept."""
    from dlsync.operations.format import format_files

    changed, problems = format_files(directory, check=check)
    console.report(problems)
    document = {"format_version": 1, "files": changed, "problems": [one.as_document() for one in problems]}
    console.show(output, lambda: document, lambda _: "".join(f"~ {visible(file)}\n" for file in changed))
    if any(one.severity == "error" for one in problems):
        return EXIT_ERROR
    return EXIT_CHANGES if check and changed else EXIT_OK


@opt.command
def validate(
    directory: opt.Directory = opt.CURRENT, environment: opt.Environment = None, output: opt.FindingsOutput = "text"
) -> int:
    """Check the files offline: syntax, schema, names, references."""
    from dlsync import operations
    from dlsync.files.settings import Options
    from dlsync.render import problems

    tree = operations.validate(directory, Options(environment=environment), os.environ)
    found, count = tree.problems, len(tree.resources)
    if output in console.FOR_FINDINGS:
        from dlsync.render import findings

        console.write_findings({"": findings.of_problems(console.redacted_problems(found))}, output, directory)
    else:
        console.show(
            output,
            lambda: problems.as_document(found, resources=count),
            lambda color: problems.render(found, resources=count, color=color),
        )
    return EXIT_ERROR if tree.errors else EXIT_OK


@opt.command
def render(
    directory: opt.Directory = opt.CURRENT,
    environment: opt.Environment = None,
    target: opt.TargetPatterns = None,
    output: opt.Output = "text",
) -> None:
    """Print the files as an apply sends them, without secrets."""
    from dlsync import operations
    from dlsync.files.settings import Options
    from dlsync.render import files as rendering
    from dlsync.resources.selector import Targets

    targets = Targets(target or ())
    tree, files = operations.render(directory, Options(environment=environment), os.environ, targets=targets)
    console.report(tree.warnings)
    console.show(output, lambda: rendering.sent_document(files), lambda _: rendering.render_sent(files))


_PACKED = ("dashboard", "rule", "plugin")
packs_app = opt.family("packs")


@opt.subcommand(packs_app, "list")
def list_packs(directory: opt.Directory = opt.CURRENT, output: opt.Output = "text") -> int:
    """List the packs with their titles, versions, authors and numbers of resources."""
    from dlsync import operations
    from dlsync.model import Json
    from dlsync.render import table
    from dlsync.resources.file_format import PACKS
    from dlsync.resources.packs import packs_of

    tree = operations.validate(directory)
    console.report([problem for problem in tree.problems if problem.file.startswith(f"{PACKS}/")])
    documents: list[dict[str, Json]] = [
        {
            "pack": pack.name,
            **{field: pack.text(field) for field in ("title", "version", "author")},
            **{f"{kind}s": pack.counts.get(kind, 0) for kind in _PACKED},
        }
        for pack in packs_of(tree)
    ]
    if output == "json":
        console.write_json({"format_version": 1, "packs": documents})
    elif documents:
        headers = [key.upper() for key in documents[0]]
        console.write_stdout(
            table.render(headers, [[*one.values()] for one in documents], width=console.terminal_width())
        )
    else:
        console.write_stderr("no packs\n")
    return EXIT_ERROR if tree.errors else EXIT_OK


@opt.command
def doctor(server: opt.Server, directory: opt.Directory = opt.CURRENT, output: opt.Output = "text") -> int:
    """Check settings, files and server; say what to do."""
    from dlsync.operations.doctor import examine
    from dlsync.render import problems

    console.conceal(os.environ.get("DLSYNC_API_KEY", ""))
    console.conceal_mentioned(directory)
    found = console.run(examine(directory, server.options, os.environ, insecure=server.insecure))
    found = replace(found, checks=tuple(replace(one, message=console.redacted(one.message)) for one in found.checks))
    console.show(
        output, lambda: problems.diagnosis_document(found), lambda color: problems.render_diagnosis(found, color=color)
    )
    return EXIT_OK if found.is_well else EXIT_ERROR


def _schemas(_: Path) -> Iterable[str]:
    from dlsync.files import schema

    return schema.names()


@opt.command
def schema(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="The schema to print; without it, lists the schemas.",
            autocompletion=opt.completion_from(_schemas),
        ),
    ] = None,
) -> None:
    """Print a JSON Schema, for editors and checks."""
    from dlsync.files import schema as schemas

    console.write_stdout(schemas.text(kind) if kind else "".join(f"{name}\n" for name in schemas.names()))
