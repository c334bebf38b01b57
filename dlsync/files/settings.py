"""Read settings: from options, else environment variables, else dlsync.yaml and its chosen environment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from dlsync import messages
from dlsync.errors import SettingsError
from dlsync.files import schema, yaml
from dlsync.files.directory import Directory, reason
from dlsync.files.interpolation import Values
from dlsync.model import Code, Json, Problem, Target
from dlsync.model import Path as FieldPath

FILE_NAME = "dlsync.yaml"
MAX_KEY_FILE_BYTES = 64 * 1024
Prune = Literal["managed", "none", "all"]

_KEY_SOURCES = "--api-key-file or DLSYNC_API_KEY (never a committed file)"
_GLOB_TOKEN = re.compile(r"\[!?\]?[^]]*\]|.", re.DOTALL)
_KEY_FIELDS = frozenset({"key", "api_key", "apikey", "token", "dlsync_api_key"})
_SERVER_SETTINGS = ("url", "org", "account")
_FILE_SETTINGS = (
    *("variables", "prune", "inventory", "protect", "max_delete_percent", "concurrency"),
    *("requests_per_second", "annotate"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line; None for options that are not given.

    :param api_key_file: a file that holds only the key.
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
    """The settings of a run; docs/files.md explains each field.

    :param url: the API's address without a slash at its end; for an offline command, ``url``, ``org``, ``account`` and
        ``key`` may be empty.
    :param variables: the values of ``${var:NAME}``; ``environ``: those of ``${env:NAME}``, without the key.
    :param numbers: variables that are numbers, as dlsync.yaml spells them.
    :param inventory: ``account``, ``none`` or a path.
    :param annotate: a stream; empty for none.
    """

    url: str = ""
    org: str = ""
    account: str = ""
    key: str = field(default="", repr=False)
    variables: Mapping[str, Json] = field(default_factory=dict)
    prune: Prune = "managed"
    inventory: str = "account"
    protect: tuple[str, ...] = ()
    max_delete_percent: float = 30
    concurrency: int = 16
    requests_per_second: float | None = None
    annotate: str = ""
    environment: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    insecure: bool = False
    numbers: Mapping[str, str] = field(default_factory=dict)

    def values(self, *, lenient: bool = False) -> Values:
        """Return the values of references.

        :param lenient: whether an unset variable of the environment is no error.
        """
        return Values(self.variables, self.environ, lenient=lenient, numbers=self.numbers)

    @property
    def target(self) -> Target:
        """The account that a plan is for."""
        return Target(self.url, self.org, self.account)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with its source; the value may be invalid.

    :param value: None if it is not set; ``set`` in place of a key.
    :param source: an option, an environment variable, dlsync.yaml or ``default``; empty if it is not set.
    """

    name: str
    value: Json
    source: str


def load(
    directory: Path,
    options: Options,
    environ: Mapping[str, str],
    *,
    require_server: bool = True,
    require_account: bool = True,
) -> Settings:
    """Return the settings of a directory.

    :param require_server: False for an offline command: url, org and account may be missing, and the key is not read.
    :param require_account: False for a command on the organisation: the account may be missing.
    :raises SettingsError: a setting is invalid, or some are missing; the message names all missing settings.
    """
    document = read_valid(directory)
    found = _in_force(document, options, environ)
    environment = str(found["environment"].value or "")
    _check_environment(found["environment"], document, directory)
    key = read_key(options.api_key_file, environ) if require_server else ""
    server = {name: str(found[name].value or "") for name in _SERVER_SETTINGS}
    if require_server:
        required = {name: value for name, value in server.items() if name != "account" or require_account}
        _require({**required, "key": key}, _with_account(document, environment))
    _check_url(found["url"])
    values: dict[str, Any] = {name: found[name].value for name in _FILE_SETTINGS}
    values["protect"] = tuple(values["protect"])
    values["concurrency"] = int(values["concurrency"])
    values["annotate"] = values["annotate"] or ""
    return Settings(
        **{**values, **server, "url": server["url"].rstrip("/")},
        key=key,
        environment=environment,
        environ={name: value for name, value in environ.items() if name != "DLSYNC_API_KEY"},
        numbers=_numbers(directory, environment, values["variables"]),
    )


def _numbers(directory: Path, environment: str, variables: Mapping[str, Json]) -> dict[str, str]:
    """Return the variables that are numbers, as dlsync.yaml spells them."""
    numbers = {name: value for name, value in variables.items() if type(value) in {int, float}}  # bool is an int
    if not numbers:
        return {}
    levels = (("variables",), ("environments", environment, "variables"))
    spelled = yaml.numbers(Directory(directory).read(FILE_NAME))
    found = {str(path[-1]): text for level in levels for path, text in spelled.items() if path[:-1] == level}
    return {name: text for name, text in found.items() if numbers.get(name) == yaml.parse(text.encode())}


def settings_in_force(directory: Path, options: Options, environ: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return each setting with its source, without a check; :func:`load` checks them."""
    found = _in_force(read_file(directory)[0], options, environ)
    if any(mark in str(found["url"].value) for mark in "@?#"):
        found["url"] = Setting("url", "not shown: it may hold a password", found["url"].source)
    return tuple(found.values())


def overrides(directory: Path, options: Options, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each environment variable that overrides a server setting of the chosen environment."""
    document = read_file(directory)[0]
    found = _in_force(document, options, environ)
    name = str(found["environment"].value or "")
    own = _in_force(document, Options(environment=name), {})
    for used, replaced in [(found[one], own[one]) for one in _SERVER_SETTINGS]:
        is_own = replaced.source.startswith(f"{FILE_NAME}, ") and replaced.value != used.value
        if is_own and used.source.startswith("DLSYNC_"):
            what = f"the `{used.name}` of the environment {messages.brief(name)}"
            yield f"warning: {used.source} is used in place of {what}: to use that, unset {used.source}"


def _in_force(document: Mapping[str, Json], options: Options, environ: Mapping[str, str]) -> dict[str, Setting]:
    def outside(name: str) -> Setting:
        variable = f"DLSYNC_{name.upper()}"
        if value := getattr(options, name):
            return Setting(name, value, f"--{name}")
        value = environ.get(variable)
        return Setting(name, value, variable) if value else Setting(name, None, "")

    environment = outside("environment")
    overriding = _environments(document).get(str(environment.value)) if environment.value else None
    in_file: dict[str, Setting] = {}
    levels = [(FILE_NAME, document), (f"{FILE_NAME}, environment {environment.value}", overriding)]
    for source, level in levels:
        for name, value in level.items() if isinstance(level, dict) else ():
            base = in_file[name].value if name == "variables" and name in in_file else None
            if isinstance(base, dict) and isinstance(value, dict):
                both = f"{FILE_NAME} and its environment {environment.value}"
                in_file[name] = Setting(name, {**base, **value}, both)
            elif value is not None:
                in_file[name] = Setting(name, value, source)
    server = [outside(name) for name in _SERVER_SETTINGS]
    key = "--api-key-file" if options.api_key_file else "DLSYNC_API_KEY" if environ.get("DLSYNC_API_KEY") else ""
    defaults = {**vars(Settings()), "protect": []}
    found = {one.name: one if one.source else in_file.get(one.name, one) for one in server}
    found |= {"environment": environment, "key": Setting("key", "set" if key else None, key)}
    return found | {name: in_file.get(name) or Setting(name, defaults[name], "default") for name in _FILE_SETTINGS}


def read_file(directory: Path) -> tuple[Mapping[str, Json], list[Problem]]:
    """Return the content of dlsync.yaml, and its problems; both are empty if the file does not exist."""
    try:
        content = Directory(directory).read(FILE_NAME)
    except OSError as error:
        absent = isinstance(error, FileNotFoundError) and not (directory / FILE_NAME).is_symlink()
        return {}, [] if absent else [Problem(Code.UNREADABLE_FILE, reason(error), FILE_NAME)]
    try:
        document = yaml.parse(content, FILE_NAME)
    except yaml.InvalidYaml as error:
        return {}, [error.problem]
    if not isinstance(document, dict | None):
        return {}, [Problem(Code.NOT_A_MAPPING, "expected a mapping of settings, such as `org: acme`", FILE_NAME, 1)]
    document = document or {}
    names = [(*path, name) for path, mapping in _levels(document) for name in mapping]
    keys = [path for path in names if str(path[-1]).lower().replace("-", "_") in _KEY_FIELDS]
    findings = [finding for finding in schema.check("dlsync", document) if finding.path not in keys]
    findings += [
        schema.Finding(Code.KEY_IN_FILE, path, f"the key does not belong here; it comes from {_KEY_SOURCES}")
        for path in keys
    ]
    findings += _without_kind(document)
    return document, schema.located(findings, FILE_NAME, content)


def read_valid(directory: Path) -> Mapping[str, Json]:
    """Return the content of the directory's dlsync.yaml; raise a SettingsError that names its errors."""
    document, problems = read_file(directory)
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise SettingsError("\n".join(map(str, errors)), problems=errors)
    return document


def environment_names(directory: Path) -> tuple[str, ...]:
    """Return the environments of the directory's dlsync.yaml, in its order; none if it cannot be read."""
    return tuple(_environments(read_file(directory)[0]))


def _environments(document: Mapping[str, Json]) -> dict[str, Json]:
    environments = document.get("environments")
    return environments if isinstance(environments, dict) else {}


def _levels(document: dict[str, Json]) -> Iterator[tuple[FieldPath, dict[str, Json]]]:
    """Yield each mapping of settings with its path: the document and its environments."""
    named = _environments(document).items()
    for path, mapping in [((), document), *((("environments", name), mapping) for name, mapping in named)]:
        if isinstance(mapping, dict):
            yield path, mapping


def _without_kind(document: dict[str, Json]) -> Iterator[schema.Finding]:
    """Yield an error for each pattern of ``protect`` that matches no kind, and so protects nothing."""
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
                yield schema.Finding(Code.UNKNOWN_KIND, place, message)


def _can_match(pattern: str, kind: str) -> bool:
    """Whether a glob, in which ``*`` and ``?`` match a slash too, matches ``KIND/NAME`` for any name."""
    tokens, start = _GLOB_TOKEN.findall(pattern), f"{kind}/"
    fixed = list(takewhile("*".__ne__, tokens))  # each matches one character
    is_open = len(fixed) < len(tokens) or len(fixed) > len(start)
    return is_open and fnmatchcase(start[: len(fixed)], "".join(fixed[: len(start)]))


def _check_environment(environment: Setting, document: Mapping[str, Json], directory: Path) -> None:
    names, name = sorted(_environments(document)), str(environment.value or "")
    if name and name not in names:
        near = messages.near_miss(name, tuple(names))
        guess = f"; did you mean `{near}`?" if near else ""
        known = ", ".join(f"`{known}`" for known in names) or "no `environments`"
        file = directory / FILE_NAME
        has = f"{FILE_NAME} has {known}{guess}" if file.exists() else f"there is no {file}"
        problem = f"{environment.source} names the environment `{name}`, but {has}"
        way = f"{'Unset' if environment.source.startswith('DLSYNC_') else 'Leave out'} {environment.source}"
        raise SettingsError(problem, hint=f"{way}, or add the environment to `environments` in {FILE_NAME}.")


def _with_account(document: Mapping[str, Json], environment: str) -> list[str]:
    """Return the environments that set an account; none if an environment is chosen."""
    named = {} if environment else _environments(document)
    return [name for name, settings in named.items() if isinstance(settings, dict) and settings.get("account")]


def _require(values: Mapping[str, str], environments: Sequence[str]) -> None:
    missing = {
        name: _KEY_SOURCES if name == "key" else f"--{name}, DLSYNC_{name.upper()} or `{name}` in {FILE_NAME}"
        for name, value in values.items()
        if not value
    }
    if missing:
        lines = [f"  {name}: {sources}" for name, sources in missing.items()]
        if "account" in missing and environments:
            named = ", ".join(f"`-e {messages.visible(name)}`" for name in environments)
            lines.append(f"or choose an environment: {named}; `plan` and `apply` also take `--all-environments`")
        raise SettingsError("\n".join([f"missing settings: {', '.join(missing)}; give", *lines]))


def _check_url(url: Setting) -> None:
    """Refuse a URL that is no API's address; do not show it, since it may hold a password."""
    if url.value and (fault := messages.url_fault(str(url.value))):
        source = f"`url` in {url.source}" if url.source.startswith(FILE_NAME) else url.source
        raise SettingsError(f"the URL from {source} {fault}", hint="The API's address looks like https://host/api/v1.")


def read_key(file: Path | None, environ: Mapping[str, str]) -> str:
    """Return the API key from a file, or else from DLSYNC_API_KEY; empty if there is none.

    :raises SettingsError: the file cannot be read or is empty, or the key cannot be sent.
    """
    source = f"the key file {file}" if file else "DLSYNC_API_KEY"
    try:
        if file:
            with file.open("rb") as stream:
                key = stream.read(MAX_KEY_FILE_BYTES).decode("utf-8-sig").strip()
        else:
            key = environ.get(source, "").strip()
    except OSError as error:
        raise SettingsError(f"{source} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{source} is not text") from None
    if file and not key:
        raise SettingsError(f"{source} is empty")
    if "\n" in key or "\r" in key:
        raise SettingsError(f"{source} holds more than one line; it must hold the key and nothing else")
    # RFC 9110, section 5.5: servers read other characters of a header in different ways
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(f"{source} holds characters other than visible ASCII")
    return key
