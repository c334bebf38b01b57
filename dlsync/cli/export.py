"""``dlsync export``: live resources into files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.errors import EXIT_CHANGES, EXIT_OK, EXIT_PARTIAL, SettingsError

if TYPE_CHECKING:
    from dlsync.operations.export import Export

Managed = Annotated[bool, typer.Option("--managed", help="Only resources that are managed or in the files.")]
Mirror = Annotated[
    bool, typer.Option("--mirror", help="Also remove the files of resources that the server does not have.")
]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 if files would change.")]
Commit = Annotated[
    bool,
    typer.Option("--commit", help="Commit the written files; leave out resources whose files are not applied yet."),
]
Push = Annotated[bool, typer.Option("--push", help="With --commit: push the branch to its upstream.")]


@opt.command
def export(
    server: opt.Server,
    directory: opt.Directory = opt.CURRENT,
    target: opt.TargetPatterns = None,
    managed: Managed = False,
    mirror: Mirror = False,
    check: Check = False,
    commit: Commit = False,
    push: Push = False,
    output: opt.ReportOutput = "text",
) -> int:
    """Write live resources into files; comments are kept.

    With --commit, all changes go into one commit. A resource is then left out, with a warning, if its file is not
    applied yet, or if its export would replace a reference or write a likely secret.
    """
    from dlsync import operations
    from dlsync.cli.terminal import run_with_progress
    from dlsync.resources.selector import Targets

    if push and not commit:
        raise SettingsError("--push pushes a commit", hint="Give --commit too.")
    targets = Targets(target or ())
    settings = server.settings(directory, may_be_missing=True)
    flags = {"managed": managed, "mirror": mirror, "check": check, "commit": commit, "push": push}
    exported = run_with_progress(
        lambda reporter: operations.export(directory, settings, targets=targets, reporter=reporter, **flags)
    )
    return show_export(exported, output, check=check)


def show_export(export: Export, output: opt.ReportFormat, *, check: bool, accepts: bool = False) -> int:
    """Print which files an export or an accept wrote; return the exit code."""
    from dlsync.render import files

    export = replace(export, problems=console.redacted_problems(export.problems))
    console.report(export.problems)
    console.show(
        output,
        lambda: files.export_document(export),
        lambda color: files.render_export(export, written=not check, color=color, accepts=accepts),
        lambda: console.page(export, written=not check),
    )
    if any(problem.severity == "error" for problem in export.problems):
        return EXIT_PARTIAL
    return EXIT_CHANGES if check and export else EXIT_OK
