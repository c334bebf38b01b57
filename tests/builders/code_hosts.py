"""A fake GitHub and GitLab: the calls for the comments of a pull request, in pages of two."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.builders.http import json_reply

if TYPE_CHECKING:
    from tests.builders.http import Reply, Seen

PAGE = 2
TOKEN = "t0ken-of-the-job"


@dataclass
class Note:
    id: str
    body: str
    own: bool = True
    hidden: bool = False


@dataclass
class CodeHosts:
    """The comments of a pull request, for both APIs.

    :ivar failing: the next responses, instead of the real ones.
    :ivar writes: the changes, as ``create``, ``update ID`` or ``hide ID``.
    :ivar rivals: the comments of other runs: the first is created before the next comment, the others after it.
    """

    notes: list[Note] = field(default_factory=list)
    failing: list[Reply] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    rivals: tuple[str, ...] = ()

    def answer(self, request: Seen) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or request.headers.get("private-token")
        if self.failing:
            return self.failing.pop(0)
        if token != TOKEN:
            return json_reply({"message": f"Bad credentials: {token}"}, 401)
        document = json.loads(request.body or b"{}")
        path = request.target.removeprefix("/api/v1")
        return self._graphql(**document) if path == "/graphql" else self._rest(request.method, path, document)

    def _create(self, body: str) -> None:
        before, after = self.rivals[:1], self.rivals[1:]
        for text in (*before, body, *after):
            self.notes.append(Note(str(len(self.notes) + 1), text))
        self.writes.append("create")

    def _change(self, what: str, id_: str, body: str | None = None) -> None:
        note = next(note for note in self.notes if note.id == id_)
        note.body, note.hidden = note.body if body is None else body, body is None
        self.writes.append(f"{what} {id_}")

    def _graphql(self, query: str, variables: dict[str, Any]) -> Reply:
        if query.startswith("query"):
            assert {**variables, "after": None} == {"owner": "acme", "name": "monitoring", "number": 12, "after": None}
            start = int(variables["after"] or 0)
            nodes = [
                {"id": one.id, "body": one.body, "isMinimized": one.hidden, "viewerDidAuthor": one.own}
                for one in self.notes[start : start + PAGE]
            ]
            info = {"hasNextPage": start + PAGE < len(self.notes), "endCursor": str(start + PAGE)}
            request = {"id": "PR", "comments": {"nodes": nodes, "pageInfo": info}}
            return json_reply({"data": {"repository": {"pullRequest": request}}})
        fields = variables["input"]
        if "addComment(" in query:
            assert "$input: AddCommentInput!" in query
            assert fields["subjectId"] == "PR"
            self._create(fields["body"])
        elif "updateIssueComment(" in query:
            self._change("update", fields["id"], fields["body"])
        else:
            assert "minimizeComment(" in query
            assert fields["classifier"] == "OUTDATED"
            self._change("hide", fields["subjectId"])
        return json_reply({"data": {}})

    def _rest(self, method: str, path: str, document: dict[str, Any]) -> Reply:
        if path == "/user":
            return json_reply({"id": 7})
        path = path.removeprefix("/projects/acme%2Fmonitoring/merge_requests/12/notes")
        if method == "GET":
            page = int(path.rpartition("&page=")[2])
            found = self.notes[(page - 1) * PAGE : page * PAGE]
            notes = [{"id": int(one.id), "body": one.body, "author": {"id": 7 if one.own else 8}} for one in found]
            reply = json_reply(notes)
            following = str(page + 1) if page * PAGE < len(self.notes) else ""
            return type(reply)(200, reply.body, (*reply.headers, ("X-Next-Page", following)))
        if method == "POST":
            self._create(document["body"])
        else:
            assert method == "PUT"
            self._change("update", path.removeprefix("/"), document["body"])
        return json_reply({}, 201)
