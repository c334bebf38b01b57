"""Writes docs/server.md from the server's table of operations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.server.app import OPERATIONS

if TYPE_CHECKING:
    from dlsync.server.operation import Operation

PAGE = Path(__file__).parent.parent / "docs" / "server.md"
HEAD = """\
<!-- made by scripts/server_reference.py -->
# The server

`dlsync serve` answers every operation of this table below its URL. `dlsync serve --documented-only` answers only the
operations that the Dataloop documentation describes; clients of the service used the observed ones too.

## Names and ids

A rule, a dashboard or a plugin has its name or its id in the path; a name wins over an id. A PUT of an unknown name
creates the resource. With `--documented-only` a path holds a name.

## Rules as YAML and as JSON

`GET rules/<name>` with `Accept: application/yaml` returns the file as it was sent; without it, JSON. Both
can be sent back. Qualities (`q=0.5`) in `Accept` count. With `--documented-only`, a rule or a dashboard is always YAML.
In JSON:

- `id`, `name`, `mute` and `state` belong to the server. A PUT or POST with `mute` mutes the rule. A
  PUT does not rename it.
- Each criterion has `scopes`, a list of tags and agents, in place of `scope`, and its `condition` is complete. `scope`
  remains where `scopes` alone would not bring it back.
- A PUT of unchanged JSON leaves the YAML file as it is, with its comments.

## States of rules

The server computes the state of a criterion when a client asks for it, from what the agents measured: `hit`, `clear` or
`unknown`, with the state of each agent in `sources`, the agents in `triggered_by` and the time in `triggered_at`.

- A condition that begins or ceases to hold changes the state after `timeout` seconds.
- An agent in scope without data for the metric is `unknown`. Over agents, metrics and criteria `hit` wins, then
  `unknown`, then `clear`. The state of a rule is `triggered` where a criterion is `hit`.
- `threshold: false` holds while a status is down: `agent.status` without a connection, `<plugin>.status` with exit
  code 2 or 3.
- `metric` can hold `*`. A criterion without `scope` concerns every agent, and one whose `scope` has
  the name of several agents, all of those.

## Operations

| family | operation | |
| --- | --- | --- |
"""


def reference() -> str:
    """Return the page."""
    rows = [_row(operation) for operation in OPERATIONS]
    return HEAD + "".join(sorted(rows))


def _row(operation: Operation) -> str:
    family = operation.handle.__module__.rpartition(".")[2]
    basis = "documented" if operation.documented else "observed"
    return f"| {family} | `{operation.method} {operation.path}` | {basis} |\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
