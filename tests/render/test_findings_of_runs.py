"""docs/findings.md: runs print the examples that need a server, a repository or an earlier run."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dlsync import operations
from dlsync.errors import DlsyncError
from dlsync.model import Code, Problem
from dlsync.operations import ApplyOptions, import_backup, plan_file
from dlsync.operations import format as formatting
from dlsync.operations.plan import PlanOptions
from dlsync.operations.reconcile import ConflictPolicy
from dlsync.render import findings, problems
from dlsync.resources.selector import Targets
from tests.builders.applies import apply, journals, plan
from tests.builders.between import below, refusing, through
from tests.builders.commands import environment, lock_by_hand
from tests.builders.http import json_reply
from tests.builders.masking import MaskingServer
from tests.builders.reporters import Recorder
from tests.builders.repositories import git, repository
from tests.builders.trees import account, write_tree
from tests.render.test_findings_page import RULE, SECTIONS, TREES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlsync.model import Plan
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

    Answer = Callable[[Seen, Onward], Reply]

WEB, SCRIPT, LINK = "rules/web.yaml", "plugins/disk.sh", "disk: [web]\n"
FILES = {WEB: RULE, SCRIPT: "#!/bin/sh\n", "plugins/cpu.sh": "#!/bin/sh\n"}
LENIENT: dict[str, Any] = {"max_delete_percent": 100}
HOOK = "https://hooks.example.com/T0/B0"
HOOKED = f"{RULE}actions: [{{url: '${{env:HOOK}}'}}]\n"


@dataclass
class Site:
    """A tree that was applied to an account."""

    live: Account
    root: Path
    told: Recorder = field(default_factory=Recorder)

    def write(self, files: dict[str, str], *, remove: str = "") -> None:
        write_tree(self.root, files)
        if remove:
            (self.root / remove).unlink()

    def apply(self, files: dict[str, str], **settings: Any) -> Plan:
        self.write(files)
        return apply(self.live, self.root, reporter=self.told, **LENIENT | settings)

    def plan(self, *, remove: str = "", **settings: Any) -> tuple[Problem, ...]:
        self.write({}, remove=remove)
        return plan(self.live, self.root, **LENIENT | settings).warnings

    def by_hand(self, text: str, name: str = "web") -> None:
        self.live.run(lambda client: client.rules.put(name, text.encode()))

    def between(self, answer: Answer, work: Callable[..., Any]) -> Any:
        return through(self.live, answer, partial(work, self.root))

    def findings(self, made: Plan) -> list[Problem]:
        return [one.problem for one in findings.of_plan(made)]


def unreadable_file(site: Site) -> Iterable[Problem]:
    site.write({"rules/load.yaml": RULE})
    (site.root / WEB).symlink_to("../../web.yaml")
    return operations.validate(site.root).problems


def link_loop(site: Site) -> Iterable[Problem]:
    (site.root / "dashboards").mkdir(parents=True)
    (site.root / "dashboards/loop").symlink_to(".")
    return operations.validate(site.root).problems


def shared_inventory(site: Site) -> Iterable[Problem]:
    environments = "environments: {production: {account: a}, staging: {account: b}}\n"
    site.write({WEB: RULE, "dlsync.yaml": f"inventory: inventory.json\n{environments}"})
    return operations.validate(site.root).problems


def unreadable_agent(site: Site) -> Iterable[Problem]:
    site.write({WEB: RULE, "agents/web1.json": "{"})
    return import_backup.import_backup(site.root, site.root.parent / "made").problems


def not_formatted(site: Site) -> Iterable[Problem]:
    site.write({WEB: "description: &web Web\n" + RULE.replace("title: Web", "title: *web")})
    return formatting.format_files(site.root)[1]


def unreadable_inventory(site: Site) -> Iterable[Problem]:
    site.apply(FILES)

    async def damage(client: Any) -> None:
        record = json.loads((await client.plugins.get("dlsync-inventory")).content)
        record["resources"]["rule/web"] = "zzz"
        await client.plugins.update("dlsync-inventory", content=json.dumps(record).encode())

    site.live.run(damage)
    return asyncio.run(operations.drift(site.root, site.live.settings)).warnings


def other_directory(site: Site) -> Iterable[Problem]:
    write_tree(site.root, FILES)
    repository(site.root)
    site.apply({})
    elsewhere = write_tree(site.root.parent / "other", {SCRIPT: FILES[SCRIPT], "plugins/cpu.sh": "#!/bin/sh\n"})
    return plan(site.live, elsewhere, **LENIENT).warnings


def not_checked_out(site: Site) -> Iterable[Problem]:
    write_tree(site.root, FILES)
    repository(site.root)
    site.apply({})
    git(site.root, "sparse-checkout", "set", "plugins")
    return plan(site.live, site.root).warnings


def incomplete_list(site: Site) -> Iterable[Problem]:
    site.write(FILES)
    with account(documented_only=True) as bare:
        return plan(bare, site.root, prune="all").warnings


def masked_secret(site: Site) -> Iterable[Problem]:
    hooked = {"environ": {"HOOK": HOOK}}
    site.apply({WEB: HOOKED}, **hooked)
    planned: Plan = site.between(
        MaskingServer({HOOK: "****"}), lambda root, settings: operations.plan(root, replace(settings, **hooked))
    )
    return planned.warnings


def rolled_back(site: Site, **settings: Any) -> Iterable[Problem]:
    options = ApplyOptions(journals=journals(site.root))
    done = asyncio.run(operations.rollback(site.root, replace(site.live.settings, **settings), options=options))
    assert done is not None
    return done.warnings


def not_restorable(site: Site) -> Iterable[Problem]:
    hooked = {"environ": {"HOOK": HOOK}}
    site.apply({WEB: HOOKED}, **hooked)
    site.by_hand(HOOKED.replace("${env:HOOK}", "https://hooks.example.com/T1/B1"))
    site.apply({}, **hooked)
    return rolled_back(site, **hooked)


def not_managed(site: Site) -> Iterable[Problem]:
    site.apply(FILES)
    asyncio.run(operations.release(site.root, site.live.settings, Targets(["rule/web"])))
    return rolled_back(site, **LENIENT)


def protected_resource(site: Site) -> Iterable[Problem]:
    site.apply(FILES)
    return site.plan(remove=WEB, protect=("rule/web",))


def unused_pattern(site: Site) -> Iterable[Problem]:
    site.write(FILES)
    return site.plan(protect=("rule/old-*",))


def already_deleted(site: Site) -> Iterable[Problem]:
    site.write(FILES)
    options = PlanOptions(delete_accounts=("old",))
    return asyncio.run(operations.plan(site.root, site.live.settings, options=options)).warnings


def muted_rule(site: Site) -> Iterable[Problem]:
    site.apply(FILES)
    site.live.run(lambda client: client.rules.mute("web"))
    return site.plan(remove=WEB)


def unknown_live_field(site: Site) -> Iterable[Problem]:
    site.apply(FILES)
    site.by_hand(f"owner: ops\n{RULE}")
    site.write({WEB: f"description: Web\n{RULE}"})
    return site.plan()


def no_default(site: Site) -> Iterable[Problem]:
    site.apply({SCRIPT: "#!/bin/sh\n", "plugins/disk.meta.yaml": "owner: ops\n"})
    return site.plan(remove="plugins/disk.meta.yaml")


def kept_edit(site: Site) -> Iterable[Problem]:
    site.apply({WEB: f"description: Web\n{RULE}"})
    site.by_hand(f"description: by hand\n{RULE}")
    site.write({WEB: f"description: Web\n{RULE}".replace("title: Web", "title: Other")})
    return site.plan()


def reverted_edit(site: Site) -> Iterable[Problem]:
    site.apply({WEB: RULE})
    site.by_hand(RULE.replace("Web", "By hand"))
    return site.plan(decisions=ConflictPolicy(on_conflict="live"))


def still_used(site: Site) -> Iterable[Problem]:
    site.apply({WEB: RULE.replace("cpu.load", "disk.used"), SCRIPT: "#!/bin/sh\n"})
    return site.plan(remove=SCRIPT)


def dangling_reference(site: Site) -> Iterable[Problem]:
    site.apply({"links.yaml": LINK, SCRIPT: "#!/bin/sh\n"})
    return [one for one in site.plan(remove=SCRIPT) if one.code is not Code.UNKNOWN_PLUGIN]


def duplicate_resource(site: Site) -> Iterable[Problem]:
    site.apply({"links.yaml": LINK, SCRIPT: "#!/bin/sh\n"})
    site.live.run(lambda client: client.links.create("disk", ["web"]))
    return site.plan(prune="none")


def unreadable_answer(site: Site) -> Iterable[Problem]:
    site.apply(FILES)

    def answer(seen: Seen, onward: Onward) -> Reply:
        return json_reply({"name": "disk", "extension": "sh"}) if below(seen) == "GET plugins/disk" else onward()

    return site.between(answer, operations.drift).warnings  # type: ignore[no-any-return] # what the work returns


def account_locked(site: Site) -> Iterable[Problem]:
    site.write(FILES)
    lock_by_hand(environment(site.live.settings.url), "kim@build-7")
    return site.plan()


def exported(site: Site, *, root: Path | None = None, **options: Any) -> Iterable[Problem]:
    settings = replace(site.live.settings, variables={"OWNER": "ops"}, environ={"HOOK": HOOK})
    return asyncio.run(operations.export(root or site.root, settings, check=True, **options)).problems


def not_exported(site: Site) -> Iterable[Problem]:
    site.apply({WEB: f"description: ${{var:OWNER}}\n{RULE}"}, variables={"OWNER": "ops"})
    site.by_hand(f"description: by hand\n{RULE}")
    return exported(site, commit=True)


def not_applied(site: Site) -> Iterable[Problem]:
    site.apply(FILES)
    site.write({WEB: f"description: Web\n{RULE}"})
    return exported(site, commit=True)


def replaced_reference(site: Site) -> Iterable[Problem]:
    site.apply({WEB: HOOKED}, environ={"HOOK": HOOK})
    site.by_hand(HOOKED.replace("${env:HOOK}", "https://example.com/other"))
    return exported(site)


def shared_file(site: Site) -> Iterable[Problem]:
    environments = "environments: {staging: {account: default}, production: {account: production}}\n"
    site.apply({**FILES, "dlsync.yaml": environments})
    site.by_hand(f"description: Web\n{RULE}")
    settings = replace(site.live.settings, environment="staging")
    return asyncio.run(operations.export(site.root, settings, check=True)).problems


def unverified_reference(site: Site) -> Iterable[Problem]:
    site.apply({WEB: HOOKED}, environ={"HOOK": HOOK})
    return exported(site, root=site.root.parent / "empty")


def applied_between(site: Site, answer: Answer) -> Iterable[Problem]:
    options = ApplyOptions(journals=journals(site.root))
    site.between(
        answer,
        lambda root, settings: operations.apply(
            root, replace(settings, annotate="deploys"), options=options, reporter=site.told
        ),
    )
    return site.told.warned


def not_annotated(site: Site) -> Iterable[Problem]:
    site.write(FILES)
    return applied_between(site, refusing("POST annotations/deploys", 404, said=""))


def not_recorded(site: Site) -> Iterable[Problem]:
    site.apply({WEB: RULE})
    site.write(FILES)
    return applied_between(site, refusing("PATCH plugins/dlsync-inventory", 413, after=1, said=""))


def not_journaled(site: Site) -> Iterable[Problem]:
    site.write({WEB: RULE})

    def spoiled() -> None:  # once the change was sent
        for file in (site.root / ".dlsync/runs").rglob("*.jsonl"):
            file.unlink()
            file.mkdir()

    site.told = Recorder(on_advance=spoiled)
    asyncio.run(operations.apply(site.root, site.live.settings, reporter=site.told))
    return site.told.warned


def plan_refused(site: Site) -> Iterable[Problem]:
    site.apply({f"rules/r{number}.yaml": RULE for number in range(20)})
    for number in range(12):
        (site.root / f"rules/r{number}.yaml").unlink()
    found = site.findings(plan(site.live, site.root))
    return [one for one in found if one.code is not Code.RESOURCE_DELETED]


def not_in_plan(site: Site) -> Iterable[Problem]:
    site.apply({WEB: RULE})
    saved = plan_file.promise(asyncio.run(operations.plan_tree(site.root, site.live.settings)), PlanOptions())
    site.write({WEB: f"description: Web\n{RULE}"})
    applied = asyncio.run(operations.apply(site.root, site.live.settings, saved_plan=saved))
    assert applied is not None
    return applied.warnings


def change_held(site: Site) -> Iterable[Problem]:
    site.apply({WEB: f"description: A\n{RULE}"})
    site.by_hand(f"description: B\n{RULE}")
    site.write({WEB: f"description: C\n{RULE}"})
    return site.findings(plan(site.live, site.root))


def resource_deleted(site: Site) -> Iterable[Problem]:
    site.apply(FILES)
    (site.root / WEB).unlink()
    return site.findings(plan(site.live, site.root, **LENIENT))


def changed_on_server(site: Site) -> Iterable[Problem]:
    site.apply({WEB: f"description: Web\n{RULE}"})
    site.by_hand(f"description: Web servers\n{RULE}")
    found = findings.of_drift(asyncio.run(operations.drift(site.root, site.live.settings)))
    return [one.problem for one in found]


def run_failed(_: Site) -> Iterable[Problem]:
    with pytest.raises(DlsyncError) as caught:
        operations.validate(Path("monitoring"))
    return [one.problem for one in findings.of_problems(caught.value.problems, caught.value.message)]


OF_A_RUN = re.compile(r"\b[0-9a-f]{12}\b|\b\d{8}T\d{6}Z-[0-9a-f]{6}\b")  # a commit, a run
RUNS = {
    Code[run.__name__.upper()]: run
    for run in (
        *(
            unreadable_file,
            link_loop,
            shared_inventory,
            unreadable_agent,
            not_formatted,
            unreadable_inventory,
            other_directory,
            not_checked_out,
        ),
        *(incomplete_list, masked_secret, not_restorable, not_managed, protected_resource, unused_pattern),
        *(already_deleted, muted_rule, unknown_live_field, no_default, kept_edit, reverted_edit, still_used),
        *(dangling_reference, duplicate_resource, unreadable_answer, account_locked, not_exported, not_applied),
        *(
            replaced_reference,
            shared_file,
            unverified_reference,
            not_annotated,
            not_recorded,
            not_journaled,
            plan_refused,
        ),
        *(not_in_plan, change_held, resource_deleted, changed_on_server, run_failed),
    )
}


@pytest.mark.parametrize("code", RUNS, ids=str)
def test_the_example_of_a_code_matches_the_finding_of_a_run(tmp_path: Path, code: Code) -> None:
    with account() as live:
        found = [*RUNS[code](Site(live, tmp_path / "tree"))]
    assert {one.code for one in found} == {code}
    line = problems.lines(found, lambda text, _: text)[0].replace(f"{tmp_path}/tree/", "")
    assert OF_A_RUN.sub("...", line) in OF_A_RUN.sub("...", SECTIONS[str(code)]).splitlines()


def test_either_a_tree_or_a_run_checks_the_example_of_each_code() -> None:
    assert {*TREES, *RUNS} == {*Code}
    assert not TREES.keys() & RUNS.keys()
