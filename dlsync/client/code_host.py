"""Read and write comments of a pull request on GitHub (GraphQL) or of a merge request on GitLab (REST)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple, Self
from urllib.parse import quote

from msgspec import Struct

from dlsync.client.connection import JSON, PATIENT
from dlsync.client.record import json_as
from dlsync.client.response import Quoter, Response, error_of
from dlsync.client.retry import AttemptError, Attempts, Retry
from dlsync.client.transport import Transport, base_url
from dlsync.errors import ApiError, Rejected, SettingsError

OUTDATED: Final = "*This plan of dlsync is outdated; a later comment has the current plan.*\n"
_COMMENTS: Final = """query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { id comments(first: 100, after: $after) {
    nodes { id body isMinimized viewerDidAuthor } pageInfo { hasNextPage endCursor } } } } }"""
_MUTATION: Final = "mutation($input: %s!) { %s(input: $input) { clientMutationId } }"
# of GraphQL's errors
_STATUSES: Final = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404, "RATE_LIMITED": 429}
_FORBIDDEN, _LIMITED = 403, 429
_LATER: Final = "Run this again later: the code host limits how much this token may ask in an hour."
_MAY_WRITE: Final = (
    "Give the job the permission `pull-requests: write`; for the pull request of a fork, GitHub never does."
)
_GITHUB_HINTS: Final = {
    401: "In the workflow's step, set `GITHUB_TOKEN: ${{ github.token }}` under `env`.",
    403: _MAY_WRITE,
    404: f"Check the repository and the number. {_MAY_WRITE}",
    429: _LATER,
}
_MAY_COMMENT: Final = "Set GITLAB_TOKEN to a project access token with the scope `api` and the role Reporter or higher."
_GITLAB_HINTS: Final = {**dict.fromkeys((401, 403, 404), _MAY_COMMENT), 429: _LATER}


class _Error(Struct):
    message: str
    type: str = ""


class _Result(Struct):
    errors: list[_Error] | None = None


class _Node(Struct, rename="camel"):
    id: str
    body: str
    is_minimized: bool
    viewer_did_author: bool


class _PageInfo(Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None


class _Page(Struct, rename="camel"):
    nodes: list[_Node]
    page_info: _PageInfo


class _PullRequest(Struct):
    id: str
    comments: _Page


class _Repository(Struct, rename="camel"):
    pull_request: _PullRequest


class _Data(Struct):
    repository: _Repository


class _Found(Struct):
    data: _Data


class _User(Struct):
    id: int


class _Note(Struct):
    id: int
    body: str
    author: _User


class Comment(NamedTuple):
    """A comment that the token's user wrote and that is not hidden."""

    id: str
    body: str


class Access(NamedTuple):
    """The address of a code host and the token for it.

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
            problem = f"{access.token_source} holds a character that a header cannot carry"
            raise SettingsError(problem, hint="Check it for blanks and line breaks.")
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
        """Send a request, with retries, and return the response.

        :raises ApiError: there is no response, or it is an error; at the end of ``async with``, its hint says what to
            set.
        """
        body = None if document is None else json.dumps(document).encode()
        attempts = Attempts(self._access.retry, f"{method} {path}", repeatable, 0)
        while True:
            try:
                response = await self._transport.exchange(method, path, {}, body)
                if response.status == _FORBIDDEN and response.headers.get("retry-after"):  # GitHub's limit
                    response = replace(response, status=_LIMITED)
                if error := error_of("PUT", response):  # of POST, it would say that a name is taken
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
            request = json_as(response, _Found).data.repository.pull_request
            self._id, page = request.id, request.comments
            own = [node for node in page.nodes if node.viewer_did_author and not node.is_minimized]
            found += [Comment(node.id, node.body) for node in own]
            if not page.page_info.has_next_page:
                return found
            after = page.page_info.end_cursor

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
        if errors := json_as(response, _Result).errors:
            message = f"{response.request}: the code host refuses this ({response.quote(errors[0].message)})"
            raise Rejected(message, request=response.request, status=_STATUSES.get(errors[0].type, 422))
        return response


class GitLab(_Api):
    """A merge request of a project, which is its number or its path."""

    def __init__(self, access: Access, project: str, number: str) -> None:
        super().__init__(access, "PRIVATE-TOKEN", "", _GITLAB_HINTS)
        self._notes = f"/projects/{quote(project, safe='')}/merge_requests/{quote(number, safe='')}/notes"

    async def comments(self) -> list[Comment]:
        """Return the notes of the token's user, the earliest first."""
        response = await self.send("GET", "/user")
        own, page = json_as(response, _User).id, 0
        found: list[Comment] = []
        while not page or response.headers.get("x-next-page"):
            page += 1
            response = await self.send("GET", f"{self._notes}?sort=asc&per_page=100&page={page}")
            notes = json_as(response, list[_Note])
            found += [Comment(str(note.id), note.body) for note in notes if note.author.id == own]
        return found

    async def create(self, body: str) -> None:
        """Post a note."""
        await self.send("POST", self._notes, {"body": body}, repeatable=False)

    async def update(self, comment: Comment, body: str) -> None:
        """Replace the text of a note."""
        await self.send("PUT", f"{self._notes}/{quote(comment.id, safe='')}", {"body": body})

    async def hide(self, comment: Comment) -> None:
        """Replace the text of a note by the sentence that it is outdated."""
        await self.update(comment, OUTDATED)
