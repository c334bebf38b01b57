"""Warn of likely mistakes in files that no schema finds, for ``dlsync validate``. Pure.

A false alarm is worse than a missed mistake: a metric or tag counts as misspelled only if one letter inside one longer
word differs from a plugin's name, or from a name that the files use at least as often.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import NamedTuple

from dlsync.files import yaml
from dlsync.messages import in_full, near_miss, visible
from dlsync.model import Code, FieldChange, Problem, Resource
from dlsync.resources import all_kinds, kind_of
from dlsync.resources.kind import Reference
from dlsync.resources.tree import Tree, silenced_codes

# a file without a match has no ambiguous scalar; to find those for sure takes 0.5 ms a file, and this 0.03 ms.
# `re` skips to the next of a set of characters, so each alternative looks behind at the first that it needs
_MAY_BE_AMBIGUOUS = re.compile(
    rb"""[-=<.\dyYnNoO](?:
    (?<=[yYnNoO])(?<!\w.)(?:[eE][sS]|[oO]|[nN]|[fF][fF])[\ \t]*(?:[\r\n,:}\]\#]|\Z)
    |(?<![^\s\[{,:+-].)(?<![^\s\[{,:][-+].)  # the beginning of a scalar, or behind its sign
     (?:(?<==)|(?<=<)<|(?<=0)[\doObB]|(?<=\d)(?:[\d_.]*[:_eE]|\d{3}-\d)|(?<=\.)[._]|(?<=[-+]\.)|(?<=-)\s*[,\]}:]))""",
    re.VERBOSE,
)
_DIRECTIVE = re.compile(rb"#\s*dlsync:\s*([A-Za-z]+)")
_CODES = tuple(map(str, Code))
_LETTERS = re.compile(r"([^A-Za-z]+)")
_SHORTEST = 4  # letters of a misspelled word; `rx` and `tx`, `min` and `max` are both right
_OFTEN = 3  # resources: a name that so many use is not misspelled


def file_warnings(tree: Tree) -> list[Problem]:
    """Return the warnings of a tree."""
    return [*_ambiguous(tree), *comment_warnings(tree), *([] if tree.backup else [*_missing(tree), *_misspelled(tree)])]


def comment_warnings(tree: Tree) -> Iterator[Problem]:
    """Yield the warnings of comments that name no code, or nearly say `ignore`."""
    for file, content in {**tree.sources, **tree.overlays}.items():
        for line, codes in silenced_codes(content).items():
            for code in (one for one in codes if one not in _CODES):
                near = near_miss(code, _CODES)
                fix = f"did you mean `{near}`?" if near else "docs/findings.md has all; a reason goes behind a colon"
                yield Problem(Code.UNKNOWN_CODE, f"`{code}` is no code, so it ignores nothing; {fix}", file, line)
        for line, text in enumerate(content.splitlines(), 1) if b"dlsync:" in content else ():
            word = found[1].decode() if (found := _DIRECTIVE.search(text)) else ""
            if word.lower() != "ignore" and near_miss(word, ("ignore",)):
                yield Problem(Code.UNKNOWN_CODE, f"`dlsync: {word}`: did you mean `dlsync: ignore`?", file, line)


def _ambiguous(tree: Tree) -> Iterator[Problem]:
    """Warn of ambiguous scalars in YAML that is sent unchanged; what is sent as JSON is not ambiguous."""
    for kind in all_kinds():
        for file, content in tree.sources.items() if kind.sends_yaml else ():
            if kind.claims(file) and _MAY_BE_AMBIGUOUS.search(content):
                for line, column, text in yaml.ambiguous_scalars(content):
                    yield Problem(Code.AMBIGUOUS_VALUE, _ambiguity(text), file, line, column)


def _ambiguity(text: str) -> str:
    number = yaml.parse(text.encode())
    fix = f", or write the number as {in_full(number)}" if isinstance(number, int | float) else ""
    return f"`{visible(text)}` has another value in YAML 1.1: put it in quotes{fix}"


class _Use(NamedTuple):
    resource: Resource
    reference: Reference


def _misspelled(tree: Tree) -> Iterator[Problem]:
    """Warn of metrics and tags that are likely misspelled."""
    found_prefixes = (kind_of(one.kind).metric_prefix(one.name) for one in tree.resources)
    plugins = {prefix.removesuffix(".") for prefix in found_prefixes if prefix}
    for sort, uses in _uses(tree).items():
        prefixes = {name: name.partition(".")[0] if sort == "metric" else name for name in uses}
        users: defaultdict[str, set[int]] = defaultdict(set)
        for name, prefix in prefixes.items():
            users[prefix] |= {id(use.resource) for use in uses[name]}
        found = _near({name: len({id(use.resource) for use in used}) for name, used in uses.items()})
        near_plugins = _near({prefix: len(some) for prefix, some in users.items()}, plugins)
        for name, prefix in prefixes.items():
            if prefix in near_plugins and not any(name.startswith(f"{plugin}.") for plugin in plugins):
                found[name] = near_plugins[prefix] + name[len(prefix) :]
        for name, near in found.items():
            yield from (_warning(sort, use, near) for use in uses[name])


def _missing(tree: Tree) -> Iterator[Problem]:
    """Warn of links to plugins that the files lack."""
    for address, resource in tree.resources.items():
        kind = kind_of(address.kind)
        for needed in kind.needs(resource):
            if needed not in tree.resources:
                near = near_miss(needed.name, tuple(one.name for one in tree.resources if one.kind == needed.kind))
                fix = f"did you mean `{visible(near)}`?" if near else "add it, or correct or remove this line"
                what = f"{visible(str(address))} refers to {visible(str(needed))}, which the files do not have; {fix}"
                yield Problem(Code.UNKNOWN_PLUGIN, what, resource.file, kind.line(resource))


def _uses(tree: Tree) -> dict[str, dict[str, list[_Use]]]:
    """Return the uses of each metric and tag, in the order of the tree, without unresolved references."""
    uses: dict[str, dict[str, list[_Use]]] = {"metric": defaultdict(list), "tag": defaultdict(list)}
    for address, resource in tree.resources.items():
        for reference in kind_of(address.kind).references(resource):
            if "${" not in reference.name:
                uses[reference.sort][reference.name].append(_Use(resource, reference))
    return uses


def _near(counts: Mapping[str, int], known: Collection[str] = ()) -> dict[str, str]:
    """Return the names that nearly equal a known one or, if none are given, one that as many resources use.

    :param counts: by name, how many resources use it.
    """
    seen: defaultdict[Hashable, list[tuple[str, str]]] = defaultdict(list)
    found: dict[str, str] = {}
    # of two names that are used equally often, the later one gets the warning
    often_first = sorted((name for name in counts if name not in known), key=lambda name: -counts[name])
    for name in [*sorted(known), *often_first]:
        for key, word in _words(name):
            near = next((other for other, its_word in seen[key] if _is_near(word, its_word)), None)
            if near and name not in known and counts[name] < _OFTEN:
                found.setdefault(name, near)
            if not known or name in known:
                seen[key].append((name, word))
    return found


def _words(name: str) -> Iterator[tuple[Hashable, str]]:
    """Yield each longer word of a name with a key: names with a key in common differ inside that word alone."""
    parts = _LETTERS.split(name)
    for place, word in enumerate(parts):
        if place % 2 == 0 and len(word) >= _SHORTEST:
            yield (*parts[:place], None, *parts[place + 1 :], word[0].casefold(), word[-1].casefold()), word


def _is_near(left: str, right: str) -> bool:
    """Whether one letter was left out, added, or replaced, or two were swapped, in words of more than four letters."""
    left, right = sorted((left, right), key=len)
    start = next((at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), len(left))
    rest, longer = left[start:], right[start:]
    if len(left) < len(right):
        return rest == longer[1:]
    return len(left) > _SHORTEST and (rest[1:] == longer[1:] or rest[1::-1] + rest[2:] == longer)


def _warning(sort: str, use: _Use, near: str) -> Problem:
    resource, reference = use
    differing = FieldChange(reference.path, "replace")
    file, (placed,) = kind_of(resource.address.kind).located(resource, [differing])
    message = f"{sort} `{visible(reference.name)}`: did you mean `{visible(near)}`? Else write `# dlsync: ignore` here"
    return Problem(Code.MISSPELLED_NAME, message, file, placed.line)
