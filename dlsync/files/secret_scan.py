"""Find likely secrets in files. No message holds a value.

A false alarm is worse than a miss: a text counts where it stands in a place for tokens, or has a form that only tokens
have.
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
_IN_SETTINGS = "put it into the environment, and ${env:NAME} where it is used: this file has no such references"
_IN_SCRIPT = "keep it out of the script, whose parameters can hold ${env:NAME}"
# what people who run a scanner for secrets write beside what is none
_ALLOWED = re.compile(rb"gitleaks:allow|pragma: allowlist secret")

# forms that say themselves what they are; the group is the secret
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
# names under which nothing but a secret is given; `key` and the like are the names of much else
_NAME = (
    r"(?:passw(?:or)?d|pwd|(?:[a-z]+[_-]?)?(?:secret|token)|(?:api|auth|integration|private|routing|service)[_-]?key)"
)
_OWN_NAME = re.compile(_NAME, re.IGNORECASE)
_DOUBTFUL_NAME = re.compile(r"auth|code|key|sig(?:nature)?", re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?i)(?:(?<!\S)--?{_NAME}(?:=|\s+)|(?<![\w.-]){_NAME}=)([^\s&;,\"']+)")
_URL = re.compile(r"https?://[^\s\"'<>`|\\]+", re.IGNORECASE)
# where a path is made for tokens; in that of any other page they are what a page is called
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
# one of these, in small letters, is in whatever the forms and names match, which spares parsing most files; a backslash
# may spell any of it
_HINTS = (
    *(b"://", b"\\", b"akia", b"asia", b"gho_", b"ghp_", b"ghr_", b"ghs_", b"ghu_", b"github_pat_", b"glpat-", b"aiza"),
    *(b"eyj", b"xox", b"k_live_", b"dlsync_", b".com/", b"key", b"passw", b"pwd", b"secret", b"token"),
)


def problems(file: str, content: bytes, known: bytes = b"") -> list[Problem]:
    """Return a warning for each likely secret in a file, unless a comment beside it says that it is none.

    :param file: relative to the tree; one that is not YAML is a script, in which only well-known forms count.
    :param known: what the file held before: the secrets in it are left out.
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
    """Yield what looks like a secret in a document: its path, what it looks like, and the value.

    :param document: as the file spells it: a reference is no secret. Where a key looks like one, the path is that of
        its mapping, and what the key holds goes unseen: a path shows its keys.
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
    """Return what sort of secret is in a text; empty for none."""
    plain = _REFERENCE.sub("", text)
    if len(plain) < _SHORTEST:
        return ""
    for what, form in _FORMATS.items():
        if any(_is_plausible(match[1]) for match in form.finditer(plain)):
            return what
    for url in _URL.findall(plain):
        if what := _in_url(url, alone=url == plain.strip()):
            return what
    return "an option or a parameter that is one" if any(map(_is_plausible, _ASSIGNED.findall(plain))) else ""


def _in_url(url: str, *, alone: bool) -> str:
    """Return what sort of secret is in a URL; empty for none.

    :param alone: the URL is a text of its own, and not what a text leads to: there, identifiers of pages are random.
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
    """Whether a part of it is longer than a word and holds digits; that of a UUID is."""
    return any(
        len(part) >= _LONGER_THAN_WORDS and _DIGITS.search(part) and not part.isdigit() for part in _PARTS.split(text)
    )


def _is_random(text: str) -> bool:
    """Whether it is long and holds digits in several places."""
    return len(text) >= _LONG and text.replace("-", "").isalnum() and len(_DIGITS.findall(text)) > 1


def _is_plausible(secret: str) -> bool:
    """Whether it is long enough for a secret, and no placeholder for one."""
    return len(secret) >= _SHORTEST and not _PLACEHOLDER.fullmatch(secret)
