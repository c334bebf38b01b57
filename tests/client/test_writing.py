from __future__ import annotations

import pytest

from dlsync.client.connection import Connection
from dlsync.client.writing import WritingConnection, only_while
from dlsync.errors import AlreadyExists, NotFound, Refused, Rejected, ServerFault, Unreachable
from tests.builders.http import IMPATIENT, KEY, Misbehaviour, Reply, ScriptedServer, in_order, scripted_server

pytestmark = pytest.mark.anyio
LOST = Reply(misbehaviour=Misbehaviour.RESET)


def writer_to(server: ScriptedServer, *, timeout: float = 30) -> WritingConnection:
    return WritingConnection(server.url, "acme", "default", KEY, retry=IMPATIENT, timeout=timeout)


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("reply", [Reply(200, b"<html>"), Reply(201, b"{}"), Reply(202), Reply(204)])
async def test_any_success_is_success_with_or_without_a_body(method: str, reply: Reply) -> None:
    async with scripted_server(in_order(reply)) as server, writer_to(server) as connection:
        answer = await connection.send(method, ("rules", "a"), body=b"x")  # type: ignore[arg-type]  # one of them
    assert (answer.status, answer.body) == (reply.status, reply.body)
    assert server.asked == [f"{method} /api/v1/orgs/acme/accounts/default/rules/a"]


async def test_a_body_is_sent_byte_for_byte_with_its_type_and_again_when_repeated() -> None:
    body = b"\xef\xbb\xbfa: 1 # \xff\r\n"
    async with scripted_server(in_order(LOST, Reply(204))) as server, writer_to(server) as connection:
        await connection.send("PUT", ("rules", "a"), body=body, content_type="application/yaml")
    assert [request.body for request in server.seen] == [body, body]
    assert {request.headers["content-type"] for request in server.seen} == {"application/yaml"}


async def test_without_a_body_there_is_no_content_type() -> None:
    async with scripted_server(in_order(Reply(204))) as server, writer_to(server) as connection:
        await connection.send("DELETE", ("rules", "a"))
    assert "content-type" not in server.seen[0].headers


@pytest.mark.parametrize(("method", "length"), [("PUT", "0"), ("POST", "0"), ("PATCH", "0"), ("DELETE", None)])
async def test_what_could_have_a_body_says_that_it_has_none(method: str, length: str | None) -> None:
    async with scripted_server(in_order(Reply(204))) as server, writer_to(server) as connection:
        await connection.send(method, ("rules", "a"))  # type: ignore[arg-type]  # one of them
    assert server.seen[0].headers.get("content-length") == length


async def test_a_delete_whose_repetition_finds_nothing_is_done() -> None:
    async with scripted_server(in_order(LOST, Reply(404))) as server, writer_to(server) as connection:
        assert (await connection.send("DELETE", ("rules", "a"))).status == 204


async def test_a_delete_that_finds_nothing_at_first_is_not_found() -> None:
    async with scripted_server(in_order(Reply(404))) as server, writer_to(server) as connection:
        with pytest.raises(NotFound):
            await connection.send("DELETE", ("rules", "a"))


async def test_a_put_whose_repetition_is_not_found_is_not_done() -> None:
    async with scripted_server(in_order(LOST, Reply(404))) as server, writer_to(server) as connection:
        with pytest.raises(NotFound):
            await connection.send("PUT", ("rules", "a"), body=b"x")


async def test_a_create_whose_repetition_finds_the_name_taken_reports_that() -> None:
    async with scripted_server(in_order(LOST, Reply(422))) as server, writer_to(server) as connection:
        with pytest.raises(AlreadyExists):
            await connection.send("POST", ("plugins",), body=b"{}")


@pytest.mark.parametrize(
    "lost",
    [LOST, Reply(misbehaviour=Misbehaviour.CLOSE), Reply(misbehaviour=Misbehaviour.HANG), Reply(502), Reply(504)],
)
async def test_what_must_not_be_done_twice_is_not_sent_again_where_it_may_have_been_done(lost: Reply) -> None:
    async with scripted_server(in_order(lost, Reply(201))) as server, writer_to(server, timeout=0.2) as connection:
        with pytest.raises((Unreachable, ServerFault), match="after 1 attempt;"):
            await connection.send("POST", ("links",), body=b"{}", repeatable=False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("busy", [Reply(429), Reply(503)])
async def test_what_must_not_be_done_twice_is_sent_again_where_it_was_refused(busy: Reply) -> None:
    async with scripted_server(in_order(busy, Reply(201))) as server, writer_to(server) as connection:
        assert (await connection.send("POST", ("links",), body=b"{}", repeatable=False)).status == 201


async def test_a_refusal_is_not_repeated() -> None:
    async with scripted_server(in_order(Reply(400))) as server, writer_to(server) as connection:
        with pytest.raises(Rejected):
            await connection.send("PUT", ("rules", "a"), body=b"x")
    assert connection.requests == 1


def test_a_reading_connection_has_no_way_to_send() -> None:
    assert {name for name in dir(Connection) if not name.startswith("_")} == {"get", "methods"}
    assert Connection.methods == {"GET"}
    assert WritingConnection.methods - Connection.methods == {"PUT", "POST", "PATCH", "DELETE"}


# what is checked before each attempt


async def test_it_is_checked_before_each_attempt_of_a_write_whether_it_may_be_sent() -> None:
    turns = iter([True, True, False])

    async def check() -> None:
        if not next(turns):
            raise Refused("no longer")

    replies = in_order(LOST, Reply(200), LOST, LOST, Reply(204))
    async with scripted_server(replies) as server, writer_to(server) as connection:
        with only_while(check):
            await connection.get(("rules", "a"))  # a read may always be sent
            with pytest.raises(Refused, match="no longer"):
                await connection.send("PUT", ("rules", "a"), body=b"x")
        assert [request.method for request in server.seen] == ["GET", "GET", "PUT", "PUT"]
        await connection.send("PUT", ("rules", "a"), body=b"x")
