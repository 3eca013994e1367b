"""What the run of a step left is read from its journal; what cannot be read is not known."""

from __future__ import annotations

import json
from pathlib import Path

from chaoskit.gameday.leftovers import told
from chaoskit.run.journal import NAME

INJECTING = {
    "kind": "injecting", "t": 1.0, "id": "i-0", "fault": "kill", "point": "web1", "tier": "web",
    "trouble": "unavailable", "shape": "held", "undo": {}, "deadline": 9.0,
}  # fmt: skip
REVERTED = {"kind": "reverted", "t": 2.0, "id": "i-0", "by": "watchdog"}


def run(folder: Path, *records: object) -> str:
    (folder / NAME).write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(folder)


def test_what_is_outstanding_is_named_with_the_command(tmp_path: Path) -> None:
    folder = run(tmp_path, INJECTING)
    assert told(folder) == (
        f"still in force: kill on web1; put it back with chaoskit revert {folder}"
    )


def test_who_put_it_back_is_named(tmp_path: Path) -> None:
    found = told(run(tmp_path, INJECTING, REVERTED))
    assert found == "what was in force was put back by watchdog"


def test_without_an_injection_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert told("") == "no run had begun"
    assert told(run(tmp_path)) == "nothing was injected"


def test_a_journal_that_is_gone_or_damaged_is_not_known(tmp_path: Path) -> None:
    for folder in (str(tmp_path / "gone"), run(tmp_path, {**INJECTING, "undo": None})):
        found = told(folder)
        assert found.startswith("whether something is still in force is not known (")
        assert found.endswith(f"look with chaoskit revert {folder}")
