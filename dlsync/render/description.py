"""Describe changes in words, for every format: text, Markdown, HTML."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dlsync.messages import field_name, shortened, visible
from dlsync.model import Action, ChangedBy, ResourceChange, Result
from dlsync.render.fields import MAX_WIDTH, Field, Sign, fields, side

REFUSED = "An apply refuses this plan"
NOT_URGENT = 2  # the rank of most changes
_STAYS = "stays as it was changed on the server"
SIGNS: dict[Action, Sign] = {"create": "+", "update": "~", "delete": "-"}
_CAUSES = {"drift": "changed on the server", "conflict": "conflict: changed in the files and on the server"}
_DELETED = {"drift": "deleted on the server", "conflict": "conflict: changed in the files, deleted on the server"}
_SINCE_THE_RUN = {"drift": _CAUSES["drift"], "conflict": "conflict: changed since the run"}
_MOVERS: dict[ChangedBy, str] = {
    "repo": "in the files",
    "drift": "on the server",
    "conflict": "on both sides",
    "kept": "on the server, before",
}


@dataclass(frozen=True, slots=True)
class Description:
    """One change in words, safe to print and without line breaks.

    :param cause: who changed the resource outside of the files; empty for none.
    :param renamed: ``renamed from`` or ``renamed to``, and the other name; empty for no rename.
    :param kept: the differences in which the live value, ``before``, stays.
    :param sentences: the items of lists that an update changes, before and after, in sentences; empty if not asked for.
    """

    address: str
    action: Action
    sign: Sign
    cause: str = ""
    is_conflict: bool = False
    renamed: tuple[str, ...] = ()
    place: str = ""
    held: str = ""
    result: Result | None = None
    outcome: str = ""
    error: str = ""
    fields: tuple[Field, ...] = ()
    kept: tuple[Field, ...] = ()
    sentences: tuple[tuple[str, str], ...] = ()

    @property
    def rank(self) -> int:
        """0 for a change that needs a decision, 1 for a delete or a conflict, 2 for other changes."""
        return 0 if self.held else 1 if self.action == "delete" or self.is_conflict else NOT_URGENT


def describe(
    changes: Iterable[ResourceChange], *, reverts: bool = False, longest: int | None = None, in_sentences: bool = False
) -> Iterator[Description]:
    """Yield the description of each change.

    :param longest: the limit for a scalar of a new or deleted resource, in characters; None for no limit.
    :param in_sentences: whether to add the sentences of items.
    """
    for change in changes:
        # say who changed each field only if the fields differ in this
        several = len({one.mover for one in change.diff}) > 1
        movers = [_MOVERS[one.mover] if one.mover and several else "" for one in change.diff]
        yield Description(
            visible(str(change.address)),
            change.action,
            SIGNS[change.action],
            _cause(change, reverts=reverts),
            change.cause == "conflict",
            (f"renamed {'from' if change.action == 'create' else 'to'}", visible(change.renamed))
            if change.renamed
            else (),
            ":".join(visible(str(part)) for part in (change.file, change.line) if part),
            visible(change.held),
            change.result,
            change.outcome,
            visible(change.error),
            tuple(
                replace(field, mover=mover)
                for field, mover in zip(fields(change, longest=longest), movers, strict=True)
            ),
            tuple(
                Field("~", field_name(one.path), None if one.before is None else side(one, one.before), note=_STAYS)
                for one in change.kept
            ),
            tuple(_changed_sentences(change)) if in_sentences and change.action == "update" else (),
        )


def _changed_sentences(change: ResourceChange) -> Iterator[tuple[str, str]]:
    """Yield both sentences of each item whose sentence changed."""
    for item in change.items():
        if item.is_changed and item.before and item.after and item.before.sentence != item.after.sentence:
            before, after = (shortened(visible(one.sentence), MAX_WIDTH) for one in (item.before, item.after))
            yield before, after


def _cause(change: ResourceChange, *, reverts: bool) -> str:
    is_gone = change.cause == "drift" and change.action != "update"
    if is_gone or (not reverts and change.action == "create" and not change.renamed):
        return _DELETED.get(change.cause, "")
    return (_SINCE_THE_RUN if reverts else _CAUSES).get(change.cause, "")
