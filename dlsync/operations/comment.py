"""Post the plan on a pull request, in one comment whose hidden marker has account, environment and directory."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from dlsync.errors import DlsyncError, SettingsError
from dlsync.messages import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.code_host import Comment, GitHub, GitLab

Outcome = Literal["created", "updated", "unchanged"]
ALL = "*"  # in the marker of all environments; in names it is percent-encoded
_MARKER = re.compile(r"<!-- dlsync plan account=(\S*) environment=(\S*)((?: directory=\S*)?) -->\r?\n")
_URL = re.compile(r"(?<=\n\[The whole plan\]\(<)[^<>\n]*(?=>\)\Z)")
_MAX_NAME, _MAX_URL = 120, 2_000
_SAFE_IN_URL = ":/?#@!$&'()*+,;=%~"


def marker(account: str, environment: str, directory: str = "") -> str:
    """Return the first line of a comment, which no reader sees.

    :param account: with its organisation; empty if unknown.
    :param environment: empty for none; :data:`ALL` for all.
    :param directory: of the files, in their repository; empty for its root.
    """
    where = f" directory={_encoded(directory)}" if directory else ""
    return f"<!-- dlsync plan account={_encoded(account)} environment={_encoded(environment)}{where} -->\n"


def _encoded(name: str) -> str:
    encoded = name if name == ALL else quote(visible(name), safe="")
    return encoded if len(encoded) <= _MAX_NAME else sha256(encoded.encode()).hexdigest()


async def publish(host: GitHub | GitLab, text: str, *, new: bool = False) -> Outcome:
    """Create or update the comment of the account, environment and directory in the marker of a text.

    If only the URL of :func:`with_link` differs, the comment stays: it links to a page of the same plan.

    :param text: what ``dlsync plan --format markdown`` printed.
    :param new: if the text differs, post a new comment and hide the old ones.
    :raises DlsyncError: the text has no marker.
    :raises ApiError: the code host refuses, or does not answer.
    """
    if not (marked := _MARKER.match(text)):
        hint = "Give it what `dlsync plan --format markdown` prints, also where the plan fails."
        raise DlsyncError("the text does not begin with the marker of a plan", hint=hint)
    found = _matching(await host.comments(), *marked.groups())
    is_same = bool(found) and _normalized(found[-1].body) == _normalized(text)
    if found and (is_same or not new):
        await _merge(host, found, text)
        return "unchanged" if is_same else "updated"
    await host.create(text)
    for comment in found:
        await host.hide(comment)
    # a run at the same time may have found no comment either, and created one
    if len(created := _matching(await host.comments(), *marked.groups())) > 1:
        await _merge(host, created, created[-1].body)
    return "created"


async def _merge(host: GitHub | GitLab, comments: list[Comment], text: str) -> None:
    """Give the oldest comment a text and hide the others, so that runs at the same time agree on one comment."""
    oldest, *others = comments
    if _normalized(oldest.body) != _normalized(text):
        await host.update(oldest, text)
    for comment in others:
        await host.hide(comment)


def _matching(comments: list[Comment], account: str, *others: str) -> list[Comment]:
    """Return the comments of an account; if an account is unknown, the only one with the other marks."""
    named = [(found[1], one) for one in comments if (found := _MARKER.match(one.body)) and found.groups()[1:] == others]
    similar = [one for name, one in named if not (account and name)]
    return [one for name, one in named if name == account] or (similar if len(similar) == 1 else [])


def _normalized(text: str) -> str:
    return _URL.sub("", text.replace("\r\n", "\n").strip())


def with_link(text: str, url: str) -> str:
    """Return a comment that ends with a link to the whole plan; raise a SettingsError if the URL is no HTTP address."""
    quoted, hint = quote(url, safe=_SAFE_IN_URL), "It looks like https://ci.example.com/plan.html."
    if not re.match("https?://", url) or len(quoted) > _MAX_URL:
        raise SettingsError(f"--html-url is not an HTTP address of at most {_MAX_URL:,} characters", hint=hint)
    return f"{text}\n[The whole plan](<{quoted}>)\n"


def on_github(environ: Mapping[str, str], repository: str, number: str, *, insecure: bool) -> tuple[GitHub, str]:
    """Return the pull request that a workflow runs for, and its name for messages.

    :param repository: instead of the workflow's, if not empty; ``number`` likewise.
    :raises SettingsError: a variable is missing or cannot be used.
    """
    from dlsync.client.code_host import Access, GitHub

    token = _first(environ, "GITHUB_TOKEN", hint="Set it to `${{ github.token }}` under `env` of the workflow's step.")
    repository = repository or _first(environ, "GITHUB_REPOSITORY", hint="Give --repository OWNER/NAME.")
    if not re.fullmatch("[^/]+/[^/]+", repository):
        raise SettingsError(f"the repository {repository!r} is not OWNER/NAME", hint="Give --repository OWNER/NAME.")
    number = number or _pull_request(environ)
    # GitHub Enterprise Server has its REST API at /api/v3, and GraphQL at /api/graphql
    url = (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/").removesuffix("/v3")
    access = Access(url, "GITHUB_API_URL", token, "GITHUB_TOKEN", insecure)
    return GitHub(access, repository, number), f"{repository}#{number}"


def _pull_request(environ: Mapping[str, str]) -> str:
    event, path = None, environ.get("GITHUB_EVENT_PATH")
    try:
        event = json.loads(Path(path).read_bytes()) if path else None
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"GITHUB_EVENT_PATH names {path}, which is not JSON: {error}", hint="Give --number."
        ) from None
    for name in ("pull_request", "issue"):
        found = event.get(name) if isinstance(event, dict) else None
        if isinstance(found, dict) and isinstance(found.get("number"), int):
            return str(found["number"])
    if ref := re.match(r"refs/pull/(\d+)/", environ.get("GITHUB_REF", ""), re.ASCII):
        return ref[1]
    hint = "Give --number, or run this only for the event pull_request."
    raise SettingsError("neither GITHUB_EVENT_PATH nor GITHUB_REF names a pull request", hint=hint)


def on_gitlab(environ: Mapping[str, str], repository: str, number: str, *, insecure: bool) -> tuple[GitLab, str]:
    """Return the merge request that a pipeline runs for, and its name for messages; see :func:`on_github`."""
    from dlsync.client.code_host import Access, GitLab

    hint = "Set it to a project access token with the scope `api`; GitLab does not accept CI_JOB_TOKEN for comments."
    token = _first(environ, "GITLAB_TOKEN", hint=hint)
    # the merge request of a fork is in another project than its pipeline
    project = repository or _first(environ, "CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_ID", hint="Give --repository.")
    hint = "Give --number, or run this only in pipelines of merge requests."
    number = number or _first(environ, "CI_MERGE_REQUEST_IID", hint=hint)
    url = _first(environ, "CI_API_V4_URL", hint="Set it to an address such as https://gitlab.example.com/api/v4.")
    access = Access(url, "CI_API_V4_URL", token, "GITLAB_TOKEN", insecure)
    return GitLab(access, project, number), f"{project}!{number}"


def _first(environ: Mapping[str, str], *names: str, hint: str) -> str:
    """Return the value of the first variable that is set; raise a SettingsError if none is."""
    if value := next((value for name in names if (value := environ.get(name, "").strip())), ""):
        return value
    raise SettingsError(f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set", hint=hint)
