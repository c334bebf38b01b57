"""``dlsync drift`` and ``dlsync accept``: what was changed on the server."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.cli.export import Check, show_export
from dlsync.errors import EXIT_CHANGES, EXIT_OK, SettingsError

Accepted = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KIND/NAME... [DIR]",
        help="The resources whose changes are written, then the directory.",
        autocompletion=opt.complete_resources,
    ),
]
AllDrift = Annotated[bool, typer.Option("--all-drift", help="Accept everything that was changed on the server.")]


@opt.command
def drift(
    server: opt.Server,
    directory: opt.Directory = opt.CURRENT,
    target: opt.TargetPatterns = None,
    output: opt.DriftOutput = "text",
) -> int:
    """Show what was changed on the server since it was applied.

    Compares all managed resources field by field, and exits with 2 if anything was changed. `dlsync apply` reverts the
    changes, and with `--on-conflict repo` also changes that it would keep. `dlsync accept` writes them into the files.
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

    Comments and layout are kept, and so are changes that only the files have. A resource is left out, with exit code
    3, if its change would affect another environment, replace a reference or an uncommitted edit, or write a likely
    secret.
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
    return show_export(accepted, output, check=check, accepts=True)
