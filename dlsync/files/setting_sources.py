"""Which settings are in force, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dlsync.files.settings import FILE_NAME, Options, Settings, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlsync.model import Json

_OF_THE_FILE = ("variables", "prune", "inventory", "protect", "max_delete_percent", "concurrency")
_MORE_OF_THE_FILE = ("requests_per_second", "annotate")
_HIDDEN = "not shown: it may hold a password"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    :param value: as it was given, checked or not; null where it is not set. Of the key only that it is.
    :param source: an option, an environment variable, dlsync.yaml or ``default``; empty where it is not set.
    """

    name: str
    value: Json
    source: str


def settings_in_force(directory: Path, options: Options, environ: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return each setting, whether right or wrong; what is wrong with them, :func:`dlsync.files.settings.load` says.

    :param directory: the tree, whose dlsync.yaml counts.
    """
    document, _ = read_file(directory)
    environment = _given("environment", options, environ)
    environments = document.get("environments")
    chosen = environments.get(str(environment.value)) if isinstance(environments, dict) else None
    overriding = chosen if isinstance(chosen, dict) else {}
    place = f"{FILE_NAME}, environment {environment.value}"
    in_file = {name: Setting(name, value, FILE_NAME) for name, value in document.items()}
    in_file |= {name: Setting(name, value, place) for name, value in overriding.items()}
    shared, own = document.get("variables"), overriding.get("variables") or {}
    if shared and "variables" in overriding and isinstance(shared, dict) and isinstance(own, dict):
        in_file["variables"] = Setting(
            "variables", {**shared, **own}, f"{FILE_NAME} and its environment {environment.value}"
        )
    servers = [_given(name, options, environ) for name in ("url", "org", "account")]
    return (
        *(_presentable(one if one.source else in_file.get(one.name, one)) for one in servers),
        environment,
        _key(options, environ),
        *(in_file.get(name, _default(name)) for name in (*_OF_THE_FILE, *_MORE_OF_THE_FILE)),
    )


def _given(name: str, options: Options, environ: Mapping[str, str]) -> Setting:
    if value := getattr(options, name):
        return Setting(name, value, f"--{name}")
    variable = f"DLSYNC_{name.upper()}"
    value = environ.get(variable)
    return Setting(name, value, variable) if value else Setting(name, None, "")


def _key(options: Options, environ: Mapping[str, str]) -> Setting:
    if options.api_key_file:
        return Setting("key", "set", "--api-key-file")
    return Setting("key", "set", "DLSYNC_API_KEY") if environ.get("DLSYNC_API_KEY") else Setting("key", None, "")


def _presentable(setting: Setting) -> Setting:
    """Hide a URL that has what only belongs into it where somebody mistook it for a place for secrets."""
    if setting.name == "url" and any(mark in str(setting.value) for mark in "@?#"):
        return Setting(setting.name, _HIDDEN, setting.source)
    return setting


def _default(name: str) -> Setting:
    value = getattr(Settings(), name)
    plain = [*value] if isinstance(value, tuple) else value
    return Setting(name, cast("Json", plain), "default")
