"""``dlsync comment``: keep one comment with the plan on a pull request."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dlsync.cli import console
from dlsync.cli import options as opt
from dlsync.errors import DlsyncError, SettingsError
from dlsync.messages import visible

_HINT = "Give it what `dlsync plan --format markdown` prints."

Markdown = Annotated[
    Path, typer.Argument(metavar="[FILE]", help="What `plan --format markdown` printed; - for stdin.", allow_dash=True)
]
GitHub = Annotated[bool, typer.Option("--github", help="On GitHub, with the token in GITHUB_TOKEN.")]
GitLab = Annotated[bool, typer.Option("--gitlab", help="On GitLab, with the token in GITLAB_TOKEN.")]
New = Annotated[bool, typer.Option("--new", help="If the plan changed, post a new comment and hide the old one.")]
HtmlUrl = Annotated[str | None, typer.Option(metavar="URL", help="Link to the whole plan as a page.")]
Repository = Annotated[
    str | None, typer.Option(metavar="NAME", help="OWNER/NAME, or GitLab's project; else that of the CI job.")
]
Number = Annotated[int | None, typer.Option(min=1, help="Of the pull or merge request; else that of the CI job.")]


@opt.command
def comment(
    file: Markdown = Path("-"),
    *,
    github: GitHub = False,
    gitlab: GitLab = False,
    new: New = False,
    html_url: HtmlUrl = None,
    repository: Repository = None,
    number: Number = None,
    insecure: opt.Insecure = False,
) -> None:
    """Post or update the plan as a comment on a pull request."""
    from dlsync.cli.api.family import content_of
    from dlsync.operations import comment as operation

    if github == gitlab:
        raise SettingsError("the code host is not clear", hint="Give --github or --gitlab.")
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        console.conceal(os.environ.get(name, "").strip())
    try:
        text = content_of(file).decode("utf-8")
    except UnicodeDecodeError:
        raise DlsyncError(f"{file} is not text in UTF-8", hint=_HINT) from None
    text = operation.with_link(text, html_url) if html_url else text
    connect = operation.on_github if github else operation.on_gitlab
    host, place = connect(os.environ, repository or "", str(number or ""), insecure=insecure)

    async def publish() -> str:
        async with host:
            return await operation.publish(host, text, new=new)

    console.write_stdout(f"{console.run(publish())}: the comment on {visible(place)}\n")
