"""The journal: durable, append-only, readable after any crash, closed to a fenced runner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.errors import Fenced, JournalError
from chaoskit.run.history import outstanding, timeline
from chaoskit.run.journal import Journal, read_records
from chaoskit.world.fake import FakeClock


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, FakeClock())


def injecting(journal: Journal, name: str = "a") -> None:
    journal.append(
        "injecting", id=name, fault="kill", point="web1", tier="web",
        trouble="unavailable", shape="held", undo={"node": "web1"}, deadline=1.0,
    )  # fmt: skip


def test_records_come_back_in_order(journal: Journal) -> None:
    journal.append("run", run="r")
    injecting(journal)
    assert [r["kind"] for r in journal.records()] == ["run", "injecting"]
    assert [i.id for i in outstanding(journal.records())] == ["a"]
    journal.append("reverted", id="a", by="runner")
    assert outstanding(journal.records()) == []


def test_a_torn_last_line_is_skipped_and_the_next_record_stands_alone(journal: Journal) -> None:
    injecting(journal)
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "injecting", "id": "b", "t": 1')
    assert [i.id for i in outstanding(journal.records())] == ["a"]
    journal.append("reverted", id="a", by="watchdog")
    assert [r["kind"] for r in journal.records()] == ["injecting", "reverted"]


@given(garbage=st.binary(max_size=60))
def test_a_garbage_line_never_hides_its_neighbours(
    garbage: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"), FakeClock())
    injecting(journal)
    with journal.path.open("ab") as file:
        file.write(garbage.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
    journal.append("reverted", id="a", by="runner")
    assert outstanding(journal.records()) == []


def test_records_of_an_unknown_kind_are_kept_and_skipped(journal: Journal) -> None:
    journal.append("from-the-future", id="a", anything=[1, 2])
    injecting(journal)
    assert len(journal.records()) == 2
    assert [i.id for i in timeline(journal.records()).injections] == ["a"]


def test_put_back_is_what_the_first_look_said_and_none_took_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path, clock := FakeClock())
    for name in ("a", "b"):
        injecting(journal, name)
    told = []
    for name, kind in [("a", "reverted"), ("b", "reverted"), ("a", "reverted")]:
        clock.sleep(10)
        journal.append(kind, id=name, by="runner")
        told.append(timeline(journal.records()).revert_acknowledged)
    assert told == [None, clock.start + 20, clock.start + 20]
    for kind, since in [("stuck", None), ("reverted", 50), ("reverted", 50)]:
        clock.sleep(10)
        journal.append(kind, id="b", by="runner", error="it is still in force after the undo")
        found = timeline(journal.records()).revert_acknowledged
        assert found == (None if since is None else clock.start + since)


def test_a_fenced_runner_may_only_report(tmp_path: Path) -> None:
    runner = Journal(tmp_path, FakeClock(), "runner")
    watchdog = Journal(tmp_path, FakeClock(), "watchdog")
    runner.append("run", run="r")
    watchdog.fence("the runner hangs")
    with pytest.raises(Fenced):
        injecting(runner)
    watchdog.append("reverted", id="a", by="watchdog")
    assert "fenced" in [r["kind"] for r in read_records(runner.path)]


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "gone", FakeClock())
    with pytest.raises(JournalError, match="cannot be opened"):
        injecting(journal)


def test_a_folder_without_a_journal_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is this a run directory"):
        read_records(tmp_path / "journal.jsonl")


def test_every_line_is_plain_json(journal: Journal) -> None:
    injecting(journal)
    for line in journal.path.read_text().splitlines():
        assert {"t", "at", "kind", "writer"} <= json.loads(line).keys()
