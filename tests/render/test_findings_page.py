"""docs/findings.md has a section for each code, with an example that a run prints."""

import re
from pathlib import Path

import pytest

from dlsync import operations
from dlsync.model import Code
from dlsync.render import problems
from tests.builders.trees import write_tree

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^### `([a-z-]+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall((ROOT / "docs/findings.md").read_text()))
SOURCES = {file: file.read_text() for file in (ROOT / "dlsync").rglob("*.py")}
RULE = "criteria: [{metric: cpu.load, condition: {operator: gt, threshold: 1}, scope: {tag: web}}]\ntitle: Web\n"
DASHBOARD = "positions: [{title: CPU load, type: number, row: 1, col: 1, size_x: 1, size_y: 1}]\ntitle: Web\n"
ENVIRONMENT = "environments: {staging: {}}\n"
# several modules find the same fault
SHARED = {
    *(Code.INVALID_YAML, Code.UNREADABLE_FILE, Code.NOT_A_MAPPING, Code.INVALID_NAME, Code.RESERVED_NAME),
    *(
        Code.FILE_NOT_READ,
        Code.SECOND_FILE,
        Code.INCOMPLETE_LIST,
        Code.NOT_RESTORABLE,
        Code.UNREADABLE_ANSWER,
        Code.DUPLICATE_RESOURCE,
    ),
}
# for each code, files with its fault
TREES: dict[Code, dict[str, str]] = {
    Code.INVALID_YAML: {"rules/web.yaml": "criteria: [\n"},
    Code.UNRESOLVED_FILE: {"plugins/disk.sh": "#!/bin/sh\n<<<<<<< HEAD\nexit 0\n=======\nexit 1\n>>>>>>> other\n"},
    Code.INVALID_PATTERN: {".dlsyncignore": "!\n"},
    Code.NOT_A_MAPPING: {"rules/web.yaml": "- metric: cpu.load\n"},
    Code.INVALID_VALUE: {"dashboards/web.yaml": "title: 3\npositions: []\n"},
    Code.MISSING_FIELD: {"rules/web.yaml": "description: Web\n"},
    Code.MISSPELLED_FIELD: {"rules/web.yaml": RULE.replace("criteria", "critera")},
    Code.INVALID_REFERENCE: {"rules/web.yaml": "description: ${var:OWNER}\n" + RULE},
    Code.KEY_IN_FILE: {"dlsync.yaml": "api_key: x\n", "rules/web.yaml": RULE},
    Code.UNKNOWN_KIND: {"dlsync.yaml": "protect: [dashbord/web]\n", "rules/web.yaml": RULE},
    Code.INVALID_OVERLAY: {
        "dlsync.yaml": ENVIRONMENT,
        "dashboards/web.yaml": DASHBOARD,
        "overlays/staging/dashboards/web.yaml": "positions: [{type: text}]\n",
    },
    Code.UNUSED_OVERLAY: {
        "dlsync.yaml": ENVIRONMENT,
        "rules/load.yaml": RULE,
        "overlays/staging/rules/web.yaml": "description: x\n",
    },
    Code.INVALID_NAME: {"rules/%2e.yaml": RULE},
    Code.RESERVED_NAME: {"plugins/dlsync-lock.sh": "#!/bin/sh\n"},
    Code.UNUSED_SETTINGS: {"plugins/disk.meta.yaml": "interval: 60\n"},
    Code.MISPLACED_SETTING: {"plugins/disk.sh": "#!/bin/sh\n", "plugins/disk.meta.yaml": "name: disk\n"},
    Code.SECOND_FILE: {"rules/web.yaml": RULE, "rules/team/web.yaml": RULE},
    Code.SAME_BUT_CASE: {"rules/web.yaml": RULE, "rules/Web.yaml": RULE},
    Code.WRONG_FILE_TYPE: {"rules": ""},
    Code.INVALID_LINK: {"links/disk.json": "{}\n"},
    Code.FILE_NOT_READ: {"rules/web.yml": RULE},
    Code.UNKNOWN_ENVIRONMENT: {
        "dlsync.yaml": ENVIRONMENT,
        "rules/web.yaml": RULE,
        "overlays/stagin/rules/web.yaml": "description: x\n",
    },
    Code.DOUBTFUL_PLUGIN: {"plugins/notes.txt": "Buy milk\n"},
    Code.PACK_WITHOUT_PACKAGE: {"packs/redis/plugins/redis.sh": "#!/bin/sh\n"},
    Code.NO_RESOURCES: {},
    Code.LIKELY_SECRET: {"rules/web.yaml": "actions: [{url: 'https://ops:s3cr3tw0rd@example.com'}]\n" + RULE},
    Code.AMBIGUOUS_VALUE: {"rules/web.yaml": "description: on\n" + RULE},
    Code.UNKNOWN_PLUGIN: {"links.yaml": "disk: [web]\n"},
    Code.MISSPELLED_NAME: {
        "rules/web.yaml": RULE.replace("cpu.load", "http_chek.time"),
        "plugins/http_check.sh": "#!\n",
    },
    Code.ITEM_ONLY_IN_OVERLAY: {
        "dlsync.yaml": ENVIRONMENT,
        "dashboards/web.yaml": DASHBOARD,
        "overlays/staging/dashboards/web.yaml": DASHBOARD.replace("load", "laod"),
    },
    Code.LINK_WITHOUT_TAGS: {"links.yaml": "disk: []\n"},
    Code.UNKNOWN_FIELD: {"rules/web.yaml": "owner: ops\n" + RULE},
    Code.UNKNOWN_VALUE: {"dashboards/web.yaml": DASHBOARD.replace("number", "nubmer")},
    Code.UNSET_REFERENCE: {"rules/web.yaml": "description: ${env:OWNER}\n" + RULE},
    Code.UNKNOWN_CODE: {"rules/web.yaml": "description: x  # dlsync: ignore unknwon-field\n" + RULE},
    Code.MISSPELLED_REFERENCE: {"rules/web.yaml": "description: ${vra:OWNER}\n" + RULE},
}


def printed(folder: Path, code: Code) -> list[str]:
    """Return the lines that `dlsync validate` prints for the tree of a code, after checking that it finds no others."""
    write_tree(folder, TREES[code])
    found = operations.validate(folder).problems
    assert {one.code for one in found} == {code}
    return problems.lines(found, lambda text, _: text)


def test_the_page_has_a_section_for_each_code_and_no_others() -> None:
    assert [*SECTIONS] == [str(code) for code in Code]
    assert len({code.title for code in Code}) == len(Code)


@pytest.mark.parametrize("code", Code, ids=str)
def test_a_section_has_the_meaning_an_example_the_fix_and_whether_it_can_be_ignored(code: Code) -> None:
    section = SECTIONS[str(code)]
    assert section.strip().startswith(f"{code.severity.capitalize()}: {code.title}.")
    assert "```\n" in section
    assert "Fix: " in section
    assert "-" in str(code)  # the hyphen tells a code from a reason in an ignore comment
    assert ("Ignore: an error cannot be ignored." in section) == (code.severity == "error")


@pytest.mark.parametrize("code", TREES, ids=str)
def test_the_example_of_a_code_matches_the_output_of_validate(tmp_path: Path, code: Code) -> None:
    assert printed(tmp_path, code)[0] in SECTIONS[str(code)].splitlines()


@pytest.mark.parametrize("code", Code, ids=str)
def test_each_code_is_used_by_one_module_unless_it_is_shared(code: Code) -> None:
    users = [file for file, text in SOURCES.items() if re.search(rf"\bCode\.{code.name}\b", text)]
    assert users
    assert len(users) == 1 or code in SHARED
