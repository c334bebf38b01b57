"""Decide which files are no resources: ``.dlsyncignore`` first, then built-in patterns."""

import re
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING

from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.model import Code, Problem

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE = ".dlsyncignore"
# gitignore patterns without a slash, which fnmatch reads in the same way, so that only a .dlsyncignore loads pathspec
BUILT_IN = (
    *(".*", "__pycache__", "*.pyc", "Thumbs.db", "desktop.ini"),
    *("*~", "#*#", "*.bak", "*.swp", "*.swo", "*.tmp", "*.save", "*.save.[0-9]", "*___jb_tmp___", "*___jb_old___"),
    *("*.orig", "*.rej", "*_BACKUP_[0-9]*", "*_BASE_[0-9]*", "*_LOCAL_[0-9]*", "*_REMOTE_[0-9]*"),
    *("*.md", "*.rst", "README", "README.txt", "LICENSE", "LICENSE.txt", "COPYING", "NOTICE"),
)
# parts of the regular expressions that pathspec makes
_FOLDERS = "(?:/.+)?"
_STARS = re.compile(r"(?:\[\^/\]\*){2,}")
_STAR = re.compile(r"\[\^/\]\*((?:(?!\[\^/\]\*)(?>\\.|\[\^?+\]?+[^\]]*\]|[^/\\\[(]))+)(?=\[\^/\]\*)", re.DOTALL)


@dataclass(frozen=True)
class Ignored:
    """The patterns of a tree; built-in patterns apply to paths that match no pattern of the user."""

    spec: "GitIgnoreSpec | None" = None
    built_in: re.Pattern[str] = re.compile("|".join(map(translate, BUILT_IN)))

    def __call__(self, path: str) -> bool:
        """Whether a path, with slashes, is ignored; the path of a folder ends with a slash."""
        decided = self.by_user(path)
        if decided is None:
            return bool(self.built_in.match(path.rstrip("/").rpartition("/")[2]))
        return decided and path != SETTINGS

    def by_user(self, path: str) -> bool | None:
        """Return what ``.dlsyncignore`` says of a file: True for ignored, False for included, None for nothing."""
        return self.spec.check_file(path).include if self.spec else None


NOTHING_BUT_BUILT_IN = Ignored()
NOTHING = Ignored(built_in=re.compile(r"(?!)"))
# an old client's backup has each resource under its own name
NOTHING_BUT_HIDDEN = Ignored(built_in=re.compile("|".join(map(translate, BUILT_IN[:2]))))


def parse(content: bytes, problems: list[Problem]) -> Ignored:
    """Parse a ``.dlsyncignore``; add an error to ``problems`` for each line that is no pattern."""
    from pathspec import GitIgnoreSpec  # takes 7 ms
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    # surrogates, to match the names of files that are not UTF-8
    lines = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").splitlines()
    patterns: list[GitIgnoreSpecPattern] = []
    for number, line in enumerate(lines, 1):
        try:
            regex, include = GitIgnoreSpecPattern.pattern_to_regex(line)
        except ValueError:
            problems.append(
                Problem(Code.INVALID_PATTERN, "expected a gitignore pattern, such as `plugins/*.txt`", FILE, number)
            )
        else:
            if regex is not None:
                patterns.append(GitIgnoreSpecPattern(re.compile(_without_retries(regex)), include))
    return Ignored(GitIgnoreSpec(patterns, backend="simple"))


def _without_retries(regex: str) -> str:
    """Return an equivalent of a regular expression of pathspec that never takes exponential time.

    Each ``*`` in a name and each ``**``, except the last, matches as little as possible, without backtracking.
    """
    regex = _STAR.sub(r"(?>[^/]*?\1)", _STARS.sub("[^/]*", regex))
    first, *others = regex.split(_FOLDERS)
    if not others:
        return regex
    *inner, last = others
    before = [first.replace("^(?:.+/)?", "^(?:.+?/)??", 1), *(f"(?:/.+?)??{one}" for one in inner)]
    return "".join(f"(?>{one}(?=/))" for one in before) + _FOLDERS + last
