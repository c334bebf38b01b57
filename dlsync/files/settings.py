"""Settings: options go before the environment, which goes before dlsync.yaml and its chosen environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from dlsync import messages
from dlsync.errors import SettingsError
from dlsync.files import schema, yaml
from dlsync.files.directory import Directory, reason
from dlsync.model import Problem, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dlsync.model import Json
    from dlsync.model import Path as FieldPath

FILE_NAME = "dlsync.yaml"
MAX_KEY_FILE_BYTES = 64 * 1024

_KEY_SOURCES = "--api-key-file or DLSYNC_API_KEY (never a file of the tree)"
_GLOB_TOKEN = re.compile(r"\[!?\]?[^]]*\]|.", re.DOTALL)
_KEY_FIELDS = frozenset({"key", "api_key", "apikey", "token", "dlsync_api_key"})
_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "variables": dict,
    "prune": str,
    "inventory": str,
    "protect": tuple,
    "max_delete_percent": float,
    "concurrency": int,
    "requests_per_second": float,
    "annotate": lambda stream: stream or "",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None or empty where it says nothing.

    :param api_key_file: holds the key and nothing else.
    """

    url: str | None = None
    org: str | None = None
    account: str | None = None
    environment: str | None = None
    api_key_file: Path | None = None


NO_OPTIONS = Options()
NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Settings:
    """Where to work and how; DESIGN.md, "Files", has the meaning of each field.

    :param url: the API's address without a slash at its end; as ``org``, ``account`` and ``key``, empty where no server
        is needed and none is given.
    :param variables: what ``${var:NAME}`` stands for.
    :param inventory: ``account``, ``none`` or a path.
    :param max_delete_percent: from 0 to 100.
    :param requests_per_second: None for no limit.
    :param annotate: a stream; empty for none.
    :param environment: the one that was chosen; empty for none.
    :param environ: what ``${env:NAME}`` stands for; the key is not in it.
    """

    url: str = ""
    org: str = ""
    account: str = ""
    key: str = field(default="", repr=False)
    variables: Mapping[str, Json] = field(default_factory=dict)
    prune: Literal["managed", "none", "all"] = "managed"
    inventory: str = "account"
    protect: tuple[str, ...] = ()
    max_delete_percent: float = 30
    concurrency: int = 16
    requests_per_second: float | None = None
    annotate: str = ""
    environment: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    insecure: bool = False

    @property
    def target(self) -> Target:
        """The account that a plan is for."""
        return Target(self.url, self.org, self.account)


def load(
    directory: Path,
    options: Options,
    environ: Mapping[str, str],
    *,
    require_server: bool = True,
    require_account: bool = True,
) -> Settings:
    """Return the settings that hold in a tree.

    :param require_server: False for what works offline: url, org and account may be missing, the key is not read.
    :param require_account: False for what is about the organisation: the account may be missing.
    :raises SettingsError: a setting is wrong, or some are missing; the message names all of those.
    """
    document, problems = read_file(directory)
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise SettingsError("\n".join(map(str, errors)), problems=errors)
    environment = options.environment or environ.get("DLSYNC_ENVIRONMENT", "")
    chosen = _overridden(document, environment) if environment else document
    url, org, account = (_server_setting(name, options, environ, chosen) for name in ("url", "org", "account"))
    key = read_key(options.api_key_file, environ) if require_server else ""
    if require_server:
        required = {"account": account[0]} if require_account else {}
        _require({"url": url[0], "org": org[0], **required, "key": key}, _with_account(document, environment))
    return Settings(
        url=_checked_url(*url),
        org=org[0],
        account=account[0],
        key=key,
        environment=environment,
        environ={name: value for name, value in environ.items() if name != "DLSYNC_API_KEY"},
        **{name: convert(chosen[name]) for name, convert in _CONVERTERS.items() if chosen.get(name) is not None},
    )


def read_file(directory: Path) -> tuple[Mapping[str, Json], list[Problem]]:
    """Return the content of the tree's dlsync.yaml, and what is wrong with it; without such a file, nothing of both."""
    try:
        content = Directory(directory).read(FILE_NAME)
    except OSError as error:
        absent = isinstance(error, FileNotFoundError) and not (directory / FILE_NAME).is_symlink()
        return {}, [] if absent else [Problem("error", reason(error), FILE_NAME)]
    try:
        document = yaml.parse(content, FILE_NAME)
    except yaml.InvalidYaml as error:
        return {}, [error.problem]
    if not isinstance(document, dict | None):
        return {}, [Problem("error", "expected a mapping of settings, such as `org: acme`", FILE_NAME, 1)]
    return document or {}, _problems(document or {}, content)


def _problems(document: dict[str, Json], content: bytes) -> list[Problem]:
    keys = list(_key_fields(document))
    findings = [finding for finding in schema.check("dlsync", document) if finding.path not in keys]
    findings += [
        schema.Finding("error", path, f"the key does not belong here; it comes from {_KEY_SOURCES}") for path in keys
    ]
    findings += _without_kind(document)
    return schema.located(findings, FILE_NAME, content)


def _levels(document: dict[str, Json]) -> Iterator[tuple[FieldPath, dict[str, Json]]]:
    """Yield the mappings of settings with their paths: the document and its environments."""
    environments = document.get("environments")
    named = environments.items() if isinstance(environments, dict) else ()
    for path, mapping in [((), document), *((("environments", name), mapping) for name, mapping in named)]:
        if isinstance(mapping, dict):
            yield path, mapping


def _key_fields(document: dict[str, Json]) -> Iterator[FieldPath]:
    for path, mapping in _levels(document):
        yield from ((*path, name) for name in mapping if name.lower().replace("-", "_") in _KEY_FIELDS)


def _without_kind(document: dict[str, Json]) -> Iterator[schema.Finding]:
    """Yield an error for each pattern of ``protect`` that can match no kind, and so protects nothing."""
    kinds = schema.kinds()
    expected = f"expected KIND/GLOB with KIND one of {', '.join(kinds)} or *"
    for path, mapping in _levels(document):
        patterns = mapping.get("protect")
        for index, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
            if isinstance(pattern, str) and not any(_can_match(pattern, kind) for kind in kinds):
                near = messages.near_pattern(pattern, kinds)
                guess = f"; did you mean {messages.brief(near)}?" if near else ""
                place = (*path, "protect", index)
                message = f"`{messages.field_name(place)}` is {messages.brief(pattern)}, {expected}{guess}"
                yield schema.Finding("error", place, message)


def _can_match(pattern: str, kind: str) -> bool:
    """Whether a glob, in which ``*`` and ``?`` match a slash too, matches ``KIND/NAME`` for any name."""
    tokens, start = _GLOB_TOKEN.findall(pattern), f"{kind}/"
    fixed = list(takewhile("*".__ne__, tokens))  # each matches one character
    is_open = len(fixed) < len(tokens) or len(fixed) > len(start)
    return is_open and fnmatchcase(start[: len(fixed)], "".join(fixed[: len(start)]))


def _overridden(document: Mapping[str, Json], environment: str) -> Mapping[str, Json]:
    environments = cast("Mapping[str, Mapping[str, Json] | None]", document.get("environments") or {})
    if environment not in environments:
        raise SettingsError(f"there is no environment `{environment}`: {_known(environment, sorted(environments))}")
    overriding = environments[environment] or {}
    variables = [cast("Mapping[str, Json]", level.get("variables") or {}) for level in (document, overriding)]
    return {**document, **overriding, "variables": {**variables[0], **variables[1]}}


def _known(environment: str, names: Sequence[str]) -> str:
    if not names:
        return f"{FILE_NAME} has no `environments`"
    near = messages.near_miss(environment, tuple(names))
    guess = f"; did you mean `{near}`?" if near else ""
    return f"{FILE_NAME} has {', '.join(f'`{name}`' for name in names)}{guess}"


def _server_setting(
    name: str, options: Options, environ: Mapping[str, str], chosen: Mapping[str, Json]
) -> tuple[str, str]:
    """Return the value and where it came from."""
    option, variable, in_file = _sources(name)
    if value := getattr(options, name):
        return value, option
    if value := environ.get(variable):
        return value, variable
    return cast("str", chosen.get(name, "")), in_file


def _sources(name: str) -> tuple[str, str, str]:
    return f"--{name}", f"DLSYNC_{name.upper()}", f"`{name}` in {FILE_NAME}"


def _with_account(document: Mapping[str, Json], environment: str) -> list[str]:
    """Return the environments that have an account, where none is chosen."""
    environments = document.get("environments")
    named = environments.items() if isinstance(environments, dict) and not environment else ()
    return [name for name, settings in named if isinstance(settings, dict) and settings.get("account")]


def _require(given: Mapping[str, str], environments: Sequence[str]) -> None:
    if missing := [name for name, value in given.items() if not value]:
        lines = [
            f"  {name}: {_KEY_SOURCES if name == 'key' else '{}, {} or {}'.format(*_sources(name))}" for name in missing
        ]
        if "account" in missing and environments:
            named = ", ".join(f"`-e {messages.visible(name)}`" for name in environments)
            lines.append(f"or choose an environment: {named}, or `--all-environments`")
        raise SettingsError("\n".join([f"missing settings: {', '.join(missing)}; give", *lines]))


def _checked_url(url: str, source: str) -> str:
    if url and (fault := _url_fault(url)):
        raise SettingsError(f"the URL from {source} {fault}", hint="The API's address looks like https://host/api/v1.")
    return url.rstrip("/")


def _url_fault(url: str) -> str | None:
    """Return what is wrong; the URL itself stays out of it, since it may hold a password."""
    if not url.isprintable() or " " in url:
        return "holds a space or a control character"
    try:
        parts = urlsplit(url)
        faults = {
            "does not begin with http:// or https://": parts.scheme not in {"http", "https"},
            "names no host": not parts.hostname or parts.port == 0,
            "holds a user name or password; only the key is sent": "@" in parts.netloc,
            "holds a query or a fragment": "?" in url or "#" in url,
        }
    except ValueError:
        return "is malformed"
    return next((fault for fault, holds in faults.items() if holds), None)


def read_key(file: Path | None, environ: Mapping[str, str]) -> str:
    """Return the API key from a file, else from DLSYNC_API_KEY; empty where neither has one."""
    if not file:
        return _checked_key(environ.get("DLSYNC_API_KEY", ""), "DLSYNC_API_KEY")
    source = f"the key file {file}"
    try:
        with file.open("rb") as stream:
            key = _checked_key(stream.read(MAX_KEY_FILE_BYTES).decode("utf-8-sig"), source)
    except OSError as error:
        raise SettingsError(f"{source} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{source} is not text") from None
    if not key:
        raise SettingsError(f"{source} is empty")
    return key


def _checked_key(text: str, source: str) -> str:
    key = text.strip()
    if "\n" in key or "\r" in key:
        raise SettingsError(f"{source} holds more than one line; it must hold the key and nothing else")
    # RFC 9110, section 5.5: beyond visible ASCII, what a header holds is not the same to every server
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(f"{source} holds characters that no header can carry")
    return key
