"""The cache in its file: one for each account, under ``.dlsync/cache`` of the tree."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync import cache
from dlsync.file_writer import is_inside, replace_file

if TYPE_CHECKING:
    from dlsync.cache import Cache
    from dlsync.fetcher import Fetcher
    from dlsync.planner import Prepared
    from dlsync.settings import Settings

FOLDER = Path(".dlsync", "cache")
_LARGEST = 64 * 1024 * 1024


def remembered(root: Path, settings: Settings) -> Cache:
    """Return what is known of the account; nothing where the file is not there, or is not what was written.

    :param settings: of which the API key counts too. Only who has it can have written the file: one that came with
        somebody's branch could make a plan say that nothing changes.
    """
    file = _file(root, settings)
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        if is_inside(root, file) and file.stat().st_size <= _LARGEST:
            return cache.read(file.read_bytes(), _seal(settings))
    return cache.FORGETFUL


def remember(root: Path, settings: Settings, fetcher: Fetcher, work: Prepared) -> None:
    """Keep what a plan has found out; that it cannot be kept is no error.

    :param fetcher: that the plan was made with.
    """
    known = fetcher.cache.learned(fetcher.desired, [work.live[one] for one in work.equal], fetcher.listings)
    file = _file(root, settings)
    if known != fetcher.cache and is_inside(root, file):
        with suppress(OSError):
            replace_file(file, known.content(_seal(settings)))


def _file(root: Path, settings: Settings) -> Path:
    name = blake2b(str(settings.target).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return root / FOLDER / f"{name}.json"


def _seal(settings: Settings) -> bytes:
    return blake2b(settings.key.encode(), digest_size=32).digest()
