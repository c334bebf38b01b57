"""Two texts word by word: which words of each the other lacks."""

import re
from difflib import SequenceMatcher

_WORD = re.compile(r"\s+|[\w.,@:/-]*\w|.", re.DOTALL)


def marked(before: str, after: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Return both texts in runs of words, each with whether the other text lacks it."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for how, start, end, begin, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for side, run in ((left, old[start:end]), (right, new[begin:stop])):
            if run:
                side.append(("".join(run), how != "equal"))
    return left, right
