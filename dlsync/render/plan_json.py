"""A plan, or how applying it went, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.messages import json_text
from dlsync.operations.plan_document import as_document

if TYPE_CHECKING:
    from dlsync.model import Plan


def render(plan: Plan) -> str:
    """Return the document of a plan as text: ASCII, so that there is nothing in it that a terminal acts on."""
    return json_text(as_document(plan))
