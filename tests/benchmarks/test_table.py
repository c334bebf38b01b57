from __future__ import annotations

from dataclasses import replace

from benchmarks.cases import Case
from benchmarks.processes import Command, Run
from benchmarks.stage import Server
from benchmarks.table import HEADS, Measured, cells, left_out, markdown

NOTHING = Command(())
FLOORS = [Run(seconds, 0.5, 40) for seconds in (1.0, 9.0, 1.0)]
RUNS = [Run(seconds, 1.5, megabytes) for seconds, megabytes in ((9.0, 90), (2.0, 120), (2.0, 100))]


def case(target: float = 2, *, megabytes: float | None = None, requests: int | None = None) -> Case:
    server = None if requests is None else Server("http://127.0.0.1:1/api/v1")
    return Case("the floor", target, NOTHING, NOTHING, megabytes, requests, server)


def test_the_ratio_compares_the_medians() -> None:
    assert Measured(case(), RUNS, FLOORS).ratio == 2


def test_a_target_is_met_unless_time_memory_or_requests_exceed_it() -> None:
    assert Measured(case(2, megabytes=120, requests=30), RUNS, FLOORS, requests=30).verdict == "met"
    assert Measured(case(1.9), RUNS, FLOORS).verdict == "missed: time"
    assert Measured(case(megabytes=119), RUNS, FLOORS).verdict == "missed: memory"
    assert Measured(case(requests=29), RUNS, FLOORS, requests=30).verdict == "missed: requests"


def test_a_write_misses_the_target_for_requests() -> None:
    assert Measured(case(requests=30), RUNS, FLOORS, requests=30, writes=1).verdict == "missed: requests"


def test_the_note_of_a_case_stands_beside_the_verdict() -> None:
    assert Measured(replace(case(), note="into memory"), RUNS, FLOORS).verdict == "met (into memory)"


def test_the_table_is_markdown() -> None:
    measured = Measured(case(requests=3_000), RUNS, FLOORS, requests=3_000)
    table = markdown([cells("`plan`", measured), left_out("`apply`")]).splitlines()
    assert [cell.strip() for cell in table[0].strip("|").split("|")] == [*HEADS]
    assert table[2].replace(" ", "") == "|`plan`|thefloor|2.00|1.00|2.00|2|1.50|0.50|120|3,000|met|"
    assert table[3].strip("| ").endswith("not in the quick run")
    assert len({len(line) for line in table}) == 1
