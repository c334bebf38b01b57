"""What the API's families have in common; each is one module, with a reading class and one that also writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlsync.client.connection import JSON
from dlsync.client.status_errors import UNPROCESSABLE
from dlsync.errors import AlreadyExists, NotFound, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.capabilities import Capabilities
    from dlsync.client.connection import Connection, Method
    from dlsync.client.response import Response
    from dlsync.model import Json


class Family:
    """Reads one family of operations.

    :param capabilities: shared by all families of a client.
    """

    def __init__(self, connection: Connection, capabilities: Capabilities) -> None:
        self._connection = connection
        self._capabilities = capabilities

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection!r})"

    async def _get(
        self, *segments: str, params: Mapping[str, str] | None = None, accept: str = JSON, unless: str = ""
    ) -> Response:
        try:
            return await self._connection.request("GET", segments, params=params, accept=accept, if_none_match=unless)
        except NotFound:
            await self._capabilities.confirm_account()
            raise

    async def _exists(self, *segments: str, accept: str = JSON) -> bool:
        try:
            await self._get(*segments, accept=accept)
        except NotFound:
            return False
        return True


class WritingFamily(Family):
    """Writes one family of operations as well."""

    async def _send(
        self,
        method: Method,
        *segments: str,
        payload: Mapping[str, Json] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        repeatable: bool = True,
    ) -> Response:
        """Send a request with a body, or with a payload as JSON.

        :param repeatable: False for what would be there twice if it arrived twice.
        """
        if payload is not None:
            body = json.dumps(payload).encode()
        try:
            return await self._connection.request(
                method, segments, body=body, content_type=content_type, repeatable=repeatable
            )
        except NotFound:
            await self._capabilities.confirm_account()
            raise

    async def _create(self, family: str, payload: Mapping[str, Json], name: str, accept: str = JSON) -> None:
        """POST, create-if-absent. 422 says both "exists" and "is wrong", so the server is asked which.

        Twice, because another may have deleted it between the refusal and the question: a lock is such a thing.
        """
        for is_last in (False, True):
            try:
                await self._send("POST", family, payload=payload)
            except AlreadyExists as error:
                if error.status != UNPROCESSABLE or await self._exists(family, name, accept=accept):
                    raise
                if is_last:
                    raise rejected(error) from error
            else:
                return


def rejected(error: AlreadyExists) -> Rejected:
    """Return the error that a 422 is where nothing of that name exists."""
    return Rejected(error.message, request=error.request, status=error.status)
