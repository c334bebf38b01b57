"""Random edits, applies, interruptions, exports, rollbacks and second writers lose no hand edit and make no plan wrong.

Each hand edit writes a unique text, which the test can search for: the text of a managed resource stays on the server,
in the files or in a journal after any sequence of steps.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dlsync import operations
from dlsync.errors import Refused
from dlsync.operations import ApplyOptions
from dlsync.operations.plan import PlanOptions
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.resources.selector import Targets
from dlsync.server.run import running
from dlsync.state import journal, lock
from tests.builders.disturbed import account_settings, applied
from tests.builders.faults import RESET_AFTER, RESET_BEFORE, proxied

if TYPE_CHECKING:
    from dlsync.model import Plan

NAMES = st.sampled_from(["dashboard/a", "dashboard/b", "rule/a"])
FIELDS = st.sampled_from(["title", "description"])
DECISIONS = st.builds(ConflictPolicy, st.booleans(), st.sampled_from([None, "repo", "live"]))
BYSTANDER = b"title: Mine # nobody's business\n"
NUMBER = count()
THOROUGH = settings().max_examples > 100


def document(name: str, fields: dict[str, str]) -> str:
    """The text of a resource."""
    rest = "positions: []\n" if name.startswith("dashboard") else "criteria: []\n"
    return "".join(f"{key}: {value}\n" for key, value in sorted(fields.items())) + rest


class Account(RuleBasedStateMachine):
    """An account, a tree, and the people who edit them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.tree = Path(self.folder.name, "tree")
        self.texts: dict[tuple[str, str], str] = {}  # by resource and field, the last hand edit on the server
        self.opened = running()
        self.url = self.opened.__enter__().url
        base, headers = f"{self.url}/orgs/acme/accounts/default/", {"Authorization": "Bearer changeme"}
        self.http = httpx2.Client(base_url=base, headers=headers)

    def teardown(self) -> None:
        self.http.close()
        self.opened.__exit__(None, None, None)
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.http.put("dashboards/bystander", content=BYSTANDER).raise_for_status()
        for name in ("dashboard/a", "rule/a"):
            self._write(name, {"title": "first", "description": "first"})
        self.apply(ConflictPolicy())

    # people

    def _file(self, name: str) -> Path:
        kind, _, stem = name.partition("/")
        return self.tree / f"{kind}s" / f"{stem}.yaml"

    def _write(self, name: str, fields: dict[str, str]) -> None:
        self._file(name).parent.mkdir(parents=True, exist_ok=True)
        self._file(name).write_text(document(name, fields))

    @staticmethod
    def _fields(text: str) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in text.splitlines() if line.startswith(("title", "description")))

    @rule(name=NAMES, field=FIELDS)
    def edit_a_file(self, name: str, field: str) -> None:
        before = self._fields(self._file(name).read_text()) if self._file(name).exists() else {}
        self._write(name, {"title": "t", "description": "d", **before, field: f"file{next(NUMBER)}x"})

    @rule(name=NAMES)
    def remove_a_file(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def _live(self, name: str) -> str | None:
        answer = self.http.get(name.replace("/", "s/"), headers={"Accept": "application/yaml"})
        return answer.text if answer.is_success else None

    @rule(name=NAMES, field=FIELDS)
    def edit_the_server(self, name: str, field: str) -> None:
        text = f"hand{next(NUMBER)}x"
        fields = {"title": "t", "description": "d", **self._fields(self._live(name) or ""), field: text}
        self.http.put(name.replace("/", "s/"), content=document(name, fields).encode()).raise_for_status()
        self.texts[name, field] = text

    @rule(name=NAMES)
    def delete_on_the_server(self, name: str) -> None:
        self.http.delete(name.replace("/", "s/"))
        self.texts = {key: text for key, text in self.texts.items() if key[0] != name}

    # dlsync

    def _plan(self, decisions: ConflictPolicy) -> Plan:
        plan_options = PlanOptions(decisions=decisions)
        return asyncio.run(operations.plan(self.tree, account_settings(self.url), options=plan_options))

    @rule(decisions=DECISIONS)
    def apply(self, decisions: ConflictPolicy) -> None:
        if not any(self.tree.rglob("*.yaml")):
            return  # an empty tree deletes nothing, and says so
        promised = self._plan(decisions)
        plan_options = PlanOptions(decisions=decisions)
        with patch.object(lock, "has_ended", lambda _: True):
            done = asyncio.run(operations.apply(self.tree, account_settings(self.url), plan_options=plan_options))
        assert done is not None
        told = [replace(one, result=None, error="") for one in done.changes]
        assert told == list(promised.changes)
        assert {one.result for one in done.changes if not one.held} <= {"applied"}
        assert {one.result for one in done.changes if one.held} <= {"skipped"}
        assert [one for one in self._plan(decisions).changes if not one.held] == []

    @rule(at=st.integers(1, 30), fault=st.sampled_from([RESET_BEFORE, RESET_AFTER]))
    def apply_that_is_cut(self, at: int, fault: str) -> None:
        with proxied(self.url, fault, at) as proxy:
            applied(self.tree, proxy.url)

    @rule(at=st.integers(1, 30), fault=st.sampled_from([RESET_BEFORE, RESET_AFTER]))
    def cut_and_taken_away(self, at: int, fault: str) -> None:
        """Removing a new file deletes its resource, even if the apply of the file was interrupted."""
        name = f"dashboard/new{next(NUMBER)}"
        self._write("rule/keeper", {"title": "Keeper"})
        self._write(name, {"title": "new"})
        self.apply_that_is_cut(at, fault)
        self._file(name).unlink()
        self.apply(ConflictPolicy())
        assert self._live(name) is None

    @rule()
    def two_writers(self) -> None:
        async def both() -> list[Plan | None | BaseException]:
            options = ApplyOptions(lock_timeout=20)
            runs = [operations.apply(self.tree, account_settings(self.url), options=options) for _ in range(2)]
            return await asyncio.gather(*runs, return_exceptions=True)

        before = len(journal.history(self.tree / journal.FOLDER))
        if any(self.tree.rglob("*.yaml")):
            asyncio.run(both())
            assert len(journal.history(self.tree / journal.FOLDER)) <= before + 1

    @rule(mirror=st.booleans())
    def export(self, mirror: bool) -> None:
        with suppress(Refused):  # dlsync refuses to mirror an empty account
            asyncio.run(operations.export(self.tree, account_settings(self.url), managed=True, mirror=mirror))

    @rule()
    def accept(self) -> None:
        asyncio.run(operations.accept(self.tree, account_settings(self.url), Targets()))

    @rule()
    def roll_back(self) -> None:
        with patch.object(lock, "has_ended", lambda _: True):
            if any(one.undo for one in journal.history(self.tree / journal.FOLDER)):
                asyncio.run(operations.rollback(self.tree, account_settings(self.url)))

    @invariant()
    def what_nobody_manages_is_as_it_was(self) -> None:
        assert not self.tree.exists() or self._live("dashboard/bystander") == BYSTANDER.decode()

    @invariant()
    def no_hand_edit_is_lost(self) -> None:
        files = "".join(path.read_text() for path in self.tree.rglob("*") if path.is_file())
        live = "".join(self._live(name) or "" for name in ("dashboard/a", "dashboard/b", "rule/a"))
        assert [text for text in self.texts.values() if text not in files + live] == []


Account.TestCase.settings = settings(
    max_examples=200 if THOROUGH else 8,
    stateful_step_count=30 if THOROUGH else 12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestNothingLost = Account.TestCase
