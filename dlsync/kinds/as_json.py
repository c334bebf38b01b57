"""A document that a list of the server holds, kept as text: of thousands, each is parsed while it is looked into."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json


class AsJson:
    """A document as JSON; called, it is parsed."""

    __slots__ = ("text",)

    def __init__(self, document: Mapping[str, Json]) -> None:
        self.text = json.dumps(document)

    def __call__(self) -> Mapping[str, Json]:
        """Return the document."""
        return cast("dict[str, Json]", json.loads(self.text))

    def says(self, document: Mapping[str, Json]) -> bool:
        """Whether another document is the same, in the order of its keys too."""
        return self.text == json.dumps(dict(document))
