"""Find likely secrets in files. No message holds a value.

A false alarm is worse than a miss: a text counts only if its place is for tokens, or if only tokens have its format.
"""

import re
from collections.abc import Iterator
from itertools import chain
from urllib.parse import parse_qsl, unquote, urlsplit

from dlsync.files import schema, yaml
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import field_name
from dlsync.model import Code, Json, Path, Problem

_IN_FIELD = "put it into the environment as ${env:NAME}"
_IN_SETTINGS = "put it into the environment, and ${env:NAME} into resources: this file cannot refer to the environment"
_IN_SCRIPT = "keep it out of the script; the parameters of a plugin can hold ${env:NAME}"
# comments that mark a false alarm for other scanners of secrets
_ALLOWED = re.compile(rb"gitleaks:allow|pragma: allowlist secret")

# unmistakable formats; the group is the secret
_FORMATS = {
    what: re.compile(pattern)
    for what, pattern in {
        "an AWS access key": r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b",
        "a key of dlsync serve": r"\b(dlsync_[0-9a-f]{40})\b",
        "a GitHub token": r"\b(gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{22,})\b",
        "a GitLab token": r"\b(glpat-[\w-]{20,})",
        "a Google API key": r"\b(AIza[\w-]{35})\b",
        "a JSON Web Token": r"\b(eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})",
        "a private key": r"-----BEGIN (?:[A-Z\d]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr])[\s\S]{0,200}?([\w+/]{40})",
        "a Slack token": r"\b(xox[abeoprs]-(?=[\w-]*\d)[\w-]{20,})",
        "a Stripe key": r"\b([rs]k_live_\w{16,})\b",
        "a Discord webhook": r"\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/([\w-]{20,})",
        "a Microsoft Teams webhook": r"\b(?:webhook\.office|outlook\.office(?:365)?)\.com/webhook(?:b2)?/([\w@-]{20,})",
        "a PagerDuty integration": r"\bevents\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere)/(\w{16,})",
        "a Slack webhook": r"\bhooks\.slack(?:-gov)?\.com/(?:services|triggers|workflows)/(?:\w+/)+(\w{6,})",
        "a Splunk On-Call integration": r"\balert\.victorops\.com/integrations/[\w-]+/\d+/alert/([\w-]{16,})",
        "a Telegram bot's token": r"\bapi\.telegram\.org/bot(\d+:[\w-]{20,})",
        "a Zapier webhook": r"\bhooks\.zapier\.com/hooks/catch/\d+/(\w{5,})",
        "an IFTTT webhook": r"\bmaker\.ifttt\.com/trigger/.+/with/key/([\w-]{10,})",
    }.items()
}
# names that only secrets have; `key` and similar names have other uses too
_NAME = (
    r"(?:passw(?:or)?d|pwd|(?:[a-z]+[_-]?)?(?:secret|token)|(?:api|auth|integration|private|routing|service)[_-]?key)"
)
_OWN_NAME = re.compile(_NAME, re.IGNORECASE)
_DOUBTFUL_NAME = re.compile(r"auth|code|key|sig(?:nature)?", re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?i)(?:(?<!\S)--?{_NAME}(?:=|\s+)|(?<![\w.-]){_NAME}=)([^\s&;,\"']+)")
_URL = re.compile(r"https?://[^\s\"'<>`|\\]+", re.IGNORECASE)
# URLs with tokens in their paths; in other URLs, such a text is the name of a page
_HOOK = re.compile(r"hook|/integrations?/|/incoming/|/enqueue|/triggers?/", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{[^}]*\}|\$\w+\$?|\{\{.*?\}\}")
_PLACEHOLDER = re.compile(
    r"(?i)[<{\[(%*@/$-].*|(.)\1+|.*(?:x{4}|\*{3}|\.{3}|example|change_?me|placeholder|redacted|your).*"
)
_DIGITS = re.compile(r"\d+")
_PARTS = re.compile(r"[^A-Za-z\d]")
_LONG = 20  # characters
_LONGER_THAN_WORDS = 12
_SHORTEST = 6
# each match of the patterns holds one of these in lower case, so that most files need not be parsed; a backslash may
# begin an escape of any of them
_HINTS = (
    *(b"://", b"\\", b"akia", b"asia", b"gho_", b"ghp_", b"ghr_", b"ghs_", b"ghu_", b"github_pat_", b"glpat-", b"aiza"),
    *(b"eyj", b"xox", b"k_live_", b"dlsync_", b".com/", b"key", b"passw", b"pwd", b"secret", b"token"),
)


def problems(file: str, content: bytes, known: bytes = b"") -> list[Problem]:
    """Return a warning for each likely secret in a file, unless a comment on its line marks a false alarm.

    :param file: relative to the tree; a file that is not YAML is a script, in which only unmistakable formats count.
    :param known: the former content of the file; secrets in it are not reported.
    """
    lower = content.lower()
    if not any(hint in lower for hint in _HINTS):
        return []
    search = _in_document if file.endswith((".yaml", ".yml")) else _in_script
    found = search(file, content, known)
    lines = content.splitlines()
    return [problem for problem in found if not _ALLOWED.search(lines[(problem.line or 1) - 1])]


def _in_document(file: str, content: bytes, known: bytes) -> list[Problem]:
    try:
        document = yaml.parse(content, file)
        before = [secret for *_, secret in likely(yaml.parse(known, file))] if known else []
    except yaml.InvalidYaml:  # the reader of the file reports it
        return []
    instead = _IN_SETTINGS if file == SETTINGS else _IN_FIELD
    findings = [
        schema.Finding(Code.LIKELY_SECRET, path, f"`{field_name(path)}` looks like a secret ({what}): {instead}")
        for path, what, secret in likely(document)
        if secret not in before
    ]
    return schema.located(findings, file, content)


def _in_script(file: str, content: bytes, known: bytes) -> list[Problem]:
    text, before = content.decode("latin-1"), known.decode("latin-1")
    matches = [(match, what) for what, form in _FORMATS.items() for match in form.finditer(text)]
    new = [(match, what) for match, what in matches if _is_plausible(match[1]) and match[1] not in before]
    result = []
    for start, what in sorted((match.start(1), what) for match, what in new):
        lines = content[: start + 1].splitlines()
        message = f"looks like a secret ({what}): {_IN_SCRIPT}"
        result.append(Problem(Code.LIKELY_SECRET, message, file, len(lines), len(lines[-1])))
    return result


def likely(document: Json, path: Path = ()) -> Iterator[tuple[Path, str, Json]]:
    """Yield each likely secret in a document: its path, its sort, and the value.

    If a key is a likely secret, the path is that of its mapping, and the value of the key is not searched: its path
    would show the key.

    :param document: as the file spells it, with references in place of known secrets.
    """
    if isinstance(document, dict):
        for key, value in document.items():
            if what := _looks_like(key):
                yield path, f"{what} as a key", key
            elif _is_named_secret(key, value):
                yield (*path, key), "by its name", value
            else:
                yield from likely(value, (*path, key))
    elif isinstance(document, list):
        yield from chain.from_iterable(likely(value, (*path, place)) for place, value in enumerate(document))
    elif isinstance(document, str) and (what := _looks_like(document)):
        yield path, what, document


def _is_named_secret(key: str, value: Json) -> bool:
    found = _ASSIGNED.fullmatch(_REFERENCE.sub("", f"{key}={value}")) if isinstance(value, str) else None
    return found is not None and _is_plausible(found[1])


def _looks_like(text: str) -> str:
    """Return the sort of a secret in a text; empty for none."""
    plain = _REFERENCE.sub("", text)
    if len(plain) < _SHORTEST:
        return ""
    for what, form in _FORMATS.items():
        if any(_is_plausible(match[1]) for match in form.finditer(plain)):
            return what
    for url in _URL.findall(plain):
        if what := _in_url(url, alone=url == plain.strip()):
            return what
    return "by the name of an option or parameter" if any(map(_is_plausible, _ASSIGNED.findall(plain))) else ""


def _in_url(url: str, *, alone: bool) -> str:
    """Return the sort of a secret in a URL; empty for none.

    :param alone: whether the URL is the whole text; a link within a text may lead to a page with a random identifier.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if _is_plausible(unquote(parts.password or "")):
        return "a URL with a password"
    for name, value in parse_qsl(parts.query):
        is_secret = _OWN_NAME.fullmatch(name) or (_DOUBTFUL_NAME.fullmatch(name) and _is_random(value))
        if is_secret and _is_plausible(value):
            return "a URL with a key or token"
    segments = list(filter(_is_plausible, unquote(parts.path).split("/")))
    if _HOOK.search(f"{parts.hostname}{parts.path}"):
        has_token = any(map(_is_no_word, segments))
    else:
        has_token = alone and any(_is_random(part) and part.lower() != part != part.upper() for part in segments)
    return "a URL with a token in its path" if has_token else ""


def _is_no_word(text: str) -> bool:
    """Whether a part of a text is longer than a word and holds digits, as in a UUID."""
    return any(
        len(part) >= _LONGER_THAN_WORDS and _DIGITS.search(part) and not part.isdigit() for part in _PARTS.split(text)
    )


def _is_random(text: str) -> bool:
    """Whether a text is long and holds digits in several places."""
    return len(text) >= _LONG and text.replace("-", "").isalnum() and len(_DIGITS.findall(text)) > 1


def _is_plausible(secret: str) -> bool:
    """Whether a text is long enough for a secret, and no placeholder."""
    return len(secret) >= _SHORTEST and not _PLACEHOLDER.fullmatch(secret)
