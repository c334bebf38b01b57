"""Comments of a pull request on GitHub (GraphQL) or of a merge request on GitLab (REST)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote

from dlsync.client.connection import JSON, PATIENT
from dlsync.client.response import Quoter, Response, error_of, json_of
from dlsync.client.retry import AttemptError, Attempts, Retry
from dlsync.client.transport import Transport, base_url
from dlsync.errors import ApiError, Rejected, SettingsError

OUTDATED: Final = "*This plan of dlsync is outdated; a later comment has the current plan.*\n"
_COMMENTS: Final = """query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { id comments(first: 100, after: $after) {
    nodes { id body isMinimized viewerDidAuthor } pageInfo { hasNextPage endCursor } } } } }"""
_MUTATION: Final = "mutation($input: %s!) { %s(input: $input) { clientMutationId } }"
_STATUSES: Final = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404}  # of GraphQL's errors
_MAY_WRITE: Final = (
    "Give the job the permission `pull-requests: write`; for the pull request of a fork, GitHub never does."
)
_GITHUB_HINTS: Final = {
    401: "In the workflow's step, set `GITHUB_TOKEN: ${{ github.token }}` under `env`.",
    403: _MAY_WRITE,
    404: f"Check the repository and the number. {_MAY_WRITE}",
}
_GITLAB_HINTS: Final = dict.fromkeys(
    (401, 403, 404), "Set GITLAB_TOKEN to a project access token with the scope `api` and the role Reporter or higher."
)


class Comment(NamedTuple):
    """A comment that the token's user wrote and that is not hidden."""

    id: str
    body: str


class Access(NamedTuple):
    """Where a code host is and what opens it.

    :param url: of its API; ``url_source`` is the variable that it comes from, ``token_source`` likewise.
    :param insecure: send the token over plain HTTP to another machine.
    """

    url: str
    url_source: str
    token: str
    token_source: str
    insecure: bool = False
    retry: Retry = PATIENT


class _Api:
    """Sends requests to a code host; ``async with`` closes the connections.

    :raises SettingsError: the URL or the token cannot be used.
    """

    def __init__(self, access: Access, header: str, prefix: str, hints: Mapping[int, str]) -> None:
        token, self._access, self._hints = access.token, access, hints
        if not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsError(f"{access.token_source} holds a character that a header cannot carry")
        try:
            url = base_url(access.url, insecure=access.insecure)
        except SettingsError as error:
            message = error.message.replace("`url`", access.url_source).replace("the API key", "the token")
            raise SettingsError(message, hint="It looks like https://api.github.com.") from None
        headers = {header: f"{prefix}{token}", "User-Agent": "dlsync", "Accept": JSON, "Content-Type": JSON}
        self._transport = Transport(url, ("GET", "POST", "PUT"), headers, Quoter(token))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: object, __: object) -> None:
        await self._transport.close()
        if isinstance(error, ApiError):
            self._explain(error)

    async def send(self, method: str, path: str, document: object = None, *, repeatable: bool = True) -> Response:
        """Send a request until there is a response, and return it.

        :raises ApiError: there is none, or it is no success; at the end of ``async with``, its hint says what to set.
        """
        body = None if document is None else json.dumps(document).encode()
        attempts = Attempts(self._access.retry, f"{method} {path}", repeatable, 0)
        while True:
            try:
                response = await self._transport.exchange(method, path, {}, body)
                if error := error_of(method, response):
                    raise error
            except AttemptError as failed:
                await self._access.retry.sleep(attempts.next_wait(failed, 0))
            else:
                return response

    def _explain(self, error: ApiError) -> None:
        """Name the token and the variables of the code host in an error, in place of those of dlsync's server."""
        error.message = error.message.replace("the API key", f"the token in {self._access.token_source}")
        unreached = f"Check that {self._access.url_source} is the API's address, and can be reached from here."
        known = error.status or 0
        error.hint = self._hints.get(known, error.hint if known >= 400 else unreached)  # noqa: PLR2004 - of errors


def _at(response: Response, value: Any, *keys: str) -> Any:
    """Return what is in a document below keys; raise a BadAnswer where they are not there."""
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise response.bad(f"expected `{'.'.join(keys)}`")
        value = value[key]
    return value


def _items(response: Response, value: Any) -> Iterator[Any]:
    if not isinstance(value, list):
        raise response.bad("expected a list")
    return iter(value)


class GitHub(_Api):
    """A pull request of a repository ``owner/name``."""

    def __init__(self, access: Access, repository: str, number: str) -> None:
        super().__init__(access, "Authorization", "Bearer ", _GITHUB_HINTS)
        owner, _, name = repository.partition("/")
        self._variables = {"owner": owner, "name": name, "number": int(number)}
        self._id = ""

    async def comments(self) -> list[Comment]:
        """Return the comments of the token's user that are not hidden, the earliest first."""
        found: list[Comment] = []
        after = None
        while True:
            response = await self._query(_COMMENTS, {**self._variables, "after": after})
            request = _at(response, json_of(response), "data", "repository", "pullRequest")
            self._id, page = _at(response, request, "id"), _at(response, request, "comments")
            found += [
                Comment(_at(response, node, "id"), _at(response, node, "body"))
                for node in _items(response, _at(response, page, "nodes"))
                if _at(response, node, "viewerDidAuthor") and not _at(response, node, "isMinimized")
            ]
            if not _at(response, page, "pageInfo", "hasNextPage"):
                return found
            after = _at(response, page, "pageInfo", "endCursor")

    async def create(self, body: str) -> None:
        """Post a comment, after :meth:`comments`."""
        await self._change("addComment", repeatable=False, subjectId=self._id, body=body)

    async def update(self, comment: Comment, body: str) -> None:
        """Replace the text of a comment."""
        await self._change("updateIssueComment", id=comment.id, body=body)

    async def hide(self, comment: Comment) -> None:
        """Minimize a comment as outdated."""
        await self._change("minimizeComment", subjectId=comment.id, classifier="OUTDATED")

    async def _change(self, name: str, *, repeatable: bool = True, **fields: str) -> None:
        mutation = _MUTATION % (f"{name[0].upper()}{name[1:]}Input", name)
        await self._query(mutation, {"input": fields}, repeatable=repeatable)

    async def _query(self, query: str, variables: Mapping[str, object], *, repeatable: bool = True) -> Response:
        document = {"query": query, "variables": variables}
        response = await self.send("POST", "/graphql", document, repeatable=repeatable)
        answer = json_of(response)
        if isinstance(answer, dict) and answer.get("errors"):
            error = next(_items(response, answer["errors"]))
            status = _STATUSES.get(str(error.get("type")) if isinstance(error, dict) else "", 422)
            said = response.quote(str(_at(response, error, "message")))
            message = f"{response.request}: the code host refuses this ({said})"
            raise Rejected(message, request=response.request, status=status)
        return response


class GitLab(_Api):
    """A merge request of a project, which is its number or its path."""

    def __init__(self, access: Access, project: str, number: str) -> None:
        super().__init__(access, "PRIVATE-TOKEN", "", _GITLAB_HINTS)
        self._notes = f"/projects/{quote(project, safe='')}/merge_requests/{quote(number, safe='')}/notes"

    async def comments(self) -> list[Comment]:
        """Return the notes of the token's user, the earliest first."""
        response = await self.send("GET", "/user")
        own, page = _at(response, json_of(response), "id"), 0
        found: list[Comment] = []
        while not page or response.headers.get("x-next-page"):
            page += 1
            response = await self.send("GET", f"{self._notes}?sort=asc&per_page=100&page={page}")
            found += [
                Comment(str(_at(response, note, "id")), _at(response, note, "body"))
                for note in _items(response, json_of(response))
                if _at(response, note, "author", "id") == own
            ]
        return found

    async def create(self, body: str) -> None:
        """Post a note."""
        await self.send("POST", self._notes, {"body": body}, repeatable=False)

    async def update(self, comment: Comment, body: str) -> None:
        """Replace the text of a note."""
        await self.send("PUT", f"{self._notes}/{quote(comment.id, safe='')}", {"body": body})

    async def hide(self, comment: Comment) -> None:
        """Replace the text of a note by one that says that it is outdated."""
        await self.update(comment, OUTDATED)
