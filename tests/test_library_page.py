"""The Python examples of docs/library.md run unchanged and print the output that the page shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dlsync.server.run import running

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parent.parent / "docs" / "library.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\nprints\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_print_the_output_that_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    namespace: dict[str, object] = {}
    with running(demo=True) as server:
        monkeypatch.setenv("DLSYNC_URL", server.url)
        monkeypatch.setenv("DLSYNC_API_KEY", "changeme")
        for code, printed in examples:
            exec(compile(code, str(PAGE), "exec"), namespace)
            assert capsys.readouterr().out == printed
    assert len(examples) == PAGE.read_text(encoding="utf-8").count("```python")
