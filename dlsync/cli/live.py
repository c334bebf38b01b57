"""The commands that compare what is live with what was applied or with the files, and write it into the files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.errors import EXIT_CHANGES, EXIT_OK, EXIT_PARTIAL, SettingsError

if TYPE_CHECKING:
    from dlsync.operations.export import Export

Accepted = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KIND/NAME... [DIR]",
        help="The resources whose changes are written, then the directory.",
        autocompletion=opt.complete_resources,
    ),
]
AllDrift = Annotated[bool, typer.Option("--all-drift", help="All that was changed on the server.")]
Managed = Annotated[bool, typer.Option("--managed", help="Only what is managed, or in the files already.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Remove the files of what is gone from the server.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 2 if files would change.")]
Commit = Annotated[bool, typer.Option("--commit", help="Commit what is written, but nothing that is not applied yet.")]
Push = Annotated[bool, typer.Option("--push", help="With --commit: push the branch to its upstream.")]


@opt.command
def drift(
    server: opt.Server,
    directory: opt.Directory = opt.CURRENT,
    target: opt.TargetPatterns = None,
    output: opt.DriftOutput = "text",
) -> int:
    """Show what was changed on the server since it was applied.

    Field by field, for all that is managed; exits with 2 if anything was changed. `dlsync apply` reverts the changes,
    with `--on-conflict repo` also those that it keeps; `dlsync accept` writes them into the files.
    """
    from dlsync import operations
    from dlsync.cli.terminal import run_with_progress
    from dlsync.render import plan_text
    from dlsync.resources.selector import Targets

    settings, targets = server.settings(directory), Targets(target or ())
    found = run_with_progress(
        lambda reporter: operations.drift(directory, settings, targets=targets, reporter=reporter)
    )
    found = replace(found, warnings=console.redacted_problems(found.warnings))
    console.report(found.warnings)
    if output in console.FOR_FINDINGS:
        from dlsync.render import findings

        console.write_findings({"": findings.of_drift(found)}, output, directory)
    else:
        console.show(
            output,
            lambda: plan_text.drift_document(found),
            lambda color: plan_text.render_drift(found, color=color),
            lambda: console.page(found),
        )
    return EXIT_CHANGES if found else EXIT_OK


@opt.command
def accept(
    server: opt.Server,
    resources: Accepted = None,
    all_drift: AllDrift = False,
    check: Check = False,
    output: opt.Output = "text",
) -> int:
    """Write what was changed on the server into the files.

    Comments and layout stay, and so does what was changed in the files alone. A resource is left out, with exit
    code 3, if that would change another environment, replace a reference or an edit that is not committed, or write a
    likely secret.
    """
    from dlsync import operations
    from dlsync.cli.terminal import run_with_progress

    targets, directory = opt.parse_resources(resources or (), required=not all_drift)
    if bool(targets) == all_drift:
        raise SettingsError("expected either resources or --all-drift", hint="For example: dlsync accept dashboard/web")
    settings = server.settings(directory)
    accepted = run_with_progress(
        lambda reporter: operations.accept(directory, settings, targets, check=check, reporter=reporter)
    )
    return _show(accepted, output, check=check, accepts=True)


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
    """Write live resources into files; comments and layout stay.

    With --commit, one commit has all that changed. A resource is then left out, and named, if its file is not applied
    yet, or if that would replace a reference or write a likely secret.
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
    return _show(exported, output, check=check)


def _show(export: Export, output: opt.ReportFormat, *, check: bool, accepts: bool = False) -> int:
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
