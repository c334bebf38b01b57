"""Generate an account for benchmarks: any number of dashboards, rules and plugins, always the same ones.

They have the size of real ones: dashboards of 4 KB, rules of 0.3 KB, plugins of 4 KB.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND_AT_SCALE_1 = 1_000
SETTINGS = b"org: acme\naccount: default\nconcurrency: 32\n"
_TEAMS = ("search", "checkout", "billing", "mail", "platform", "stock", "media", "data")
_SERVICES = ("gateway", "queue", "cache", "db", "worker", "proxy", "scheduler", "indexer", "ledger", "store", "auth")
_MEASURES = ("requests", "errors", "latency_ms", "used_memory", "connections", "queue_length", "hit_rate", "disk_used")
_COLORS = ("navy", "red", "green", "orange", "teal")
_TYPES = ("detailed-chart", "number", "stacked-chart", "top-ten", "chart")
_FILTERS = ("avg", "max", "min", "sum")
_WIDGETS = 14
_CHECKS = 24


def files(scale: float = 1) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a tree, with its settings.

    :param scale: 1 for 1,000 resources of each kind.
    """
    yield "dlsync.yaml", SETTINGS
    for number in range(round(KIND_AT_SCALE_1 * scale)):
        team, service = _of(_TEAMS, number), f"{_of(_SERVICES, number // 3)}-{number:05}"
        yield f"dashboards/{team}/{service}.yaml", _dashboard(number, service).encode()
        yield f"rules/{team}/{service}.yaml", _rule(number, service).encode()
        yield f"plugins/{team}/{service}.py", _plugin(number, service).encode()


def write(folder: Path, scale: float = 1) -> Path:
    """Write the tree into a folder, and return the folder."""
    for file, content in files(scale):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _of(words: tuple[str, ...], number: int) -> str:
    return words[number % len(words)]


def _dashboard(number: int, service: str) -> str:
    widgets = "".join(_widget(number + place, place, service) for place in range(_WIDGETS))
    period = 3600 * (1 + number % 24)
    return f"# kept by the team that runs {service}\ntitle: {service} overview\nperiod: {period}\npositions:\n{widgets}"


def _widget(seed: int, place: int, service: str) -> str:
    measure = _of(_MEASURES, seed)
    return f"""\
  - title: '{measure} of {service}, {place}'
    data_type: number
    type: {_of(_TYPES, seed)}
    color: {_of(_COLORS, seed)}
    row: {1 + place // 3 * 2}
    col: {1 + place % 3 * 4}
    size_x: 4
    size_y: 2
    icon: {_of(("true", "false"), seed)}
    legend: {_of(("false", "true"), place)}
    filter: {_of(_FILTERS, seed)}
    series:
      - metric: {service}.{measure}
        scope:
          tag: {service}
"""


def _rule(number: int, service: str) -> str:
    return f"""\
title: {service} is well
criteria:
  - metric: '{service}.status'
    scope:
      tag: {service}
    condition:
      timeout: 120
      threshold: false
  - metric: {service}.{_of(_MEASURES, number)}
    scope:
      tag: {service}
    condition:
      timeout: 300
      threshold: {1000 + number}
actions:
  - emails: []
    message: ''
"""


def _plugin(number: int, service: str) -> str:
    checks = "".join(_check(number + place, place) for place in range(_CHECKS))
    calls = "".join(f"    check_{place}(values, alerts)\n" for place in range(_CHECKS))
    return f'''\
#!/usr/bin/env python
"""Measures {service}, number {number}: exit code, text and perfdata as Nagios has them."""
import json
import sys

VALUES = "/run/{service}/values.json"

{checks}
def main():
    try:
        values = json.load(open(VALUES))
    except IOError as error:
        print("CRITICAL: %s" % error)
        sys.exit(2)
    alerts = []
{calls}    print("%s | %s" % (", ".join(alerts) or "OK", " ".join("%s=%s;;;;" % pair for pair in values.items())))
    sys.exit(2 if alerts else 0)


main()
'''


def _check(seed: int, place: int) -> str:
    measure = _of(_MEASURES, seed)
    return f"""\
def check_{place}(values, alerts):
    if values.get("{measure}.{place}", 0) > {100 + seed}:
        alerts.append("{measure} above {100 + seed}")


"""


def main() -> None:
    """Write a tree for benchmarks."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1)
    arguments = parser.parse_args()
    write(arguments.folder, arguments.scale)


if __name__ == "__main__":
    main()
