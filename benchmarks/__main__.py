"""Measure all cases and print the table; ``make bench`` and ``make bench-quick`` call it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.cases import ROWS, Case
from benchmarks.processes import Run, run
from benchmarks.stage import staged
from benchmarks.table import Measured, cells, left_out, markdown

ROUNDS = 5


def measured(case: Case, rounds: int) -> Measured:
    """Run both sides of a case in turn, so that other load on the machine affects both."""
    runs: list[Run] = []
    floors: list[Run] = []
    for _ in range(rounds):
        case.prepare_floor()
        floors.append(run(case.floor))
        case.prepare()
        if case.server:
            case.server.forget_requests()
        runs.append(run(case.ours))
    requests = case.server.requests() if case.server else {}
    writes = sum(count for request, count in requests.items() if not request.startswith("GET "))
    return Measured(case, runs, floors, sum(requests.values()), writes)


def main() -> None:
    """Measure the cases and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds of slow cases, in under two minutes")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="of each case; the result of fewer than five is only a hint"
    )
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    with staged() as stage:
        for row in ROWS:
            if arguments.only not in row.what:
                continue
            rounds = row.quick if arguments.quick else arguments.rounds
            rows.append(cells(row.what, measured(row.make(stage), rounds)) if rounds else left_out(row.what))
            print(f"{rows[-1][0]}: {rows[-1][4]} x, {rows[-1][-1]}", file=sys.stderr, flush=True)
    table = markdown(rows)
    print(table)
    if arguments.markdown:
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
