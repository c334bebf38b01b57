"""What validate warns of in files that can be read: likely mistakes that no schema sees. Pure.

`# dlsync: ignore` on a line silences it.
"""

import re
from collections.abc import Iterator

from dlsync.files import yaml
from dlsync.messages import in_full, visible
from dlsync.model import Problem
from dlsync.operations.reference_warnings import reference_warnings
from dlsync.resources import all_kinds
from dlsync.resources.overlays import is_silenced
from dlsync.resources.tree import Tree

# a file without a match has no ambiguous scalar; to find those for sure takes 0.5 ms a file, and this 0.01 ms
_MAY_BE_AMBIGUOUS = re.compile(
    rb"(?im)\b(?:yes|no|on|off)[ \t]*(?:[\r\n,:}\]]|#|$)|(?:^|[\s\[{,])=|<<"
    rb"|(?:^|[\s\[{,:])[-+]?(?:0[\dob]|\d[\d_.]*[:_e]|\d{4}-\d|\.[._])|(?:^|[\s\[{,:])[-+]\.|[\[{,]\s*-\s*[,\]}]"
)


def file_warnings(tree: Tree) -> list[Problem]:
    """Return the warnings of a tree, without those that a comment silences."""
    found = [*_ambiguous(tree), *([] if tree.backup else reference_warnings(tree))]
    return [one for one in found if not is_silenced(tree.sources.get(one.file, b""), one.line)]


def _ambiguous(tree: Tree) -> Iterator[Problem]:
    """Warn of scalars in the YAML that is sent as it is; what is sent as JSON is not ambiguous."""
    for kind in all_kinds():
        for file, content in tree.sources.items() if kind.sends_yaml else ():
            if kind.claims(file) and _MAY_BE_AMBIGUOUS.search(content):
                for line, column, text in yaml.ambiguous_scalars(content):
                    yield Problem("warning", _ambiguity(text), file, line, column)


def _ambiguity(text: str) -> str:
    number = yaml.parse(text.encode())
    fix = f", or write the number as {in_full(number)}" if isinstance(number, int | float) else ""
    return f"`{visible(text)}` has another value in YAML 1.1: put it in quotes{fix}"
