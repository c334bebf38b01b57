"""A server that masks secrets in its responses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlsync.files import yaml
from tests.builders.between import below

if TYPE_CHECKING:
    from dlsync.model import Json
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen


@dataclass
class MaskingServer:
    """An ``answer`` for :func:`tests.builders.between.through`.

    :param masks: the mask of each secret, in responses to GET.
    :ivar bodies: of writes in the families, each after its ``METHOD path``.
    """

    masks: dict[str, str]
    families: tuple[str, ...] = ("rules", "dashboards")
    bodies: list[str] = field(default_factory=list)

    def __call__(self, seen: Seen, onward: Onward) -> Reply:
        is_masked = below(seen).partition(" ")[2].startswith(self.families)
        if is_masked and seen.method != "GET":
            self.bodies.append(f"{below(seen)} {seen.body.decode()}")
        reply = onward()
        if not is_masked or seen.method != "GET":
            return reply
        return replace(reply, body=json.dumps(self._masked(yaml.parse(reply.body))).encode())

    def _masked(self, value: Json) -> Json:
        if isinstance(value, dict):
            return {field: self._masked(item) for field, item in value.items()}
        if isinstance(value, list):
            return [self._masked(item) for item in value]
        if isinstance(value, str):
            for secret, mask in self.masks.items():
                value = value.replace(secret, mask)
        return value
