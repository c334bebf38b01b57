"""A document that a list of the server holds, kept as text until somebody looks into it: of thousands, few are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json


class AsJson:
    """A document as JSON; called, it is parsed."""

    __slots__ = ("_document", "text")

    def __init__(self, document: Mapping[str, Json]) -> None:
        self.text = json.dumps(document)
        self._document: Mapping[str, Json] | None = None

    def __call__(self) -> Mapping[str, Json]:
        """Return the document; who looks once, as an export does, looks again."""
        if self._document is None:
            self._document = cast("dict[str, Json]", json.loads(self.text))
        return self._document

    def says(self, document: Mapping[str, Json]) -> bool:
        """Whether another document is the same, in the order of its keys too."""
        return self.text == json.dumps(dict(document))
