"""Putting runs back from their journals: past every obstacle, and never against a live runner."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import JournalError, Unreachable
from chaoskit.faults import find
from chaoskit.ports import Json, NodeState
from chaoskit.run import processes
from chaoskit.run.claim import claim
from chaoskit.run.history import first, outstanding
from chaoskit.run.journal import NAME, Journal, Record, read_records
from chaoskit.run.reverting import Outcome, Worlds, exit_code, revert_run
from chaoskit.run.watchdog import Watchdog
from chaoskit.world.by_hand import by_hand
from chaoskit.world.fake import FakeClock, FakeWorld
from tests.run.leftovers import LINK, POINTS, fake_world, leave, rewrite

KILL, PAUSE, LATENCY = ("kill", "web1"), ("pause", "web2"), ("latency", LINK)


def worlds(world: FakeWorld) -> Worlds:
    return Worlds(lambda description: world, by_hand)


def records(folder: Path) -> list[Record]:
    return read_records(folder / NAME)


def told(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(one.fault, one.point, one.result) for one in outcome.lines]


def alive() -> dict[str, Any]:
    """The head of a journal whose runner is this very process."""
    return {"pid": os.getpid(), "started": processes.started(os.getpid())}


def test_everything_is_put_back_newest_first_and_twice_is_fine(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, LATENCY)
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("latency", LINK, "put back"), ("kill", "web1", "put back")]
    assert (outcome.exit_code, outcome.clear) == (0, True)
    assert world.fingerprint(POINTS) == before
    assert (first(records(folder)[::-1], "end") or {})["restored"] is True
    size = (folder / NAME).stat().st_size
    again = revert_run(folder, worlds(world), clock)
    assert (again.notes, again.clear) == (("nothing is outstanding",), True)
    assert (folder / NAME).stat().st_size == size


def test_what_is_gone_already_is_said_to_be(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    world.node("web1").reach(NodeState.RUNNING)
    assert told(revert_run(folder, worlds(world), clock)) == [("kill", "web1", "already gone")]
    assert world.fingerprint(POINTS) == before


def test_a_deed_that_lands_after_the_first_look_is_put_back_by_the_second(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    clock.at(0.5, lambda: world.node("web1").reach(NodeState.KILLED))
    assert revert_run(folder, worlds(world), clock, settle=1.0).clear
    assert world.fingerprint(POINTS) == before


def test_a_world_that_cannot_be_opened_leaves_commands_and_the_next_run_is_put_back(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    lost = leave(tmp_path / "run-2", fake_world(tmp_path / "other.json"), clock, KILL)
    good = leave(tmp_path / "run-1", world, clock, KILL)

    def opened(description: Json) -> FakeWorld:
        if description["path"] != str(tmp_path / "world.json"):
            raise Unreachable("no engine answers")
        return world

    outcomes = [revert_run(folder, Worlds(opened, by_hand), clock) for folder in (lost, good)]
    (left,) = outcomes[0].left
    assert left.detail == "its world cannot be opened: no engine answers"
    assert left.by_hand[0].startswith("python3 -c ")
    assert exit_code(outcomes) == 4
    assert told(outcomes[1]) == [("kill", "web1", "put back")]
    assert world.fingerprint(POINTS) == before
    assert [i.stuck for i in outstanding(records(lost))] == [left.detail]
    end = first(records(lost)[::-1], "end") or {}
    assert (end["restored"], end["by_hand"]) == (False, list(left.by_hand))


@pytest.mark.parametrize("error", [Unreachable("gone"), OSError("foreign"), AttributeError("ours")])
def test_a_fault_that_fails_does_not_stop_the_others(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, error: Exception
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE)
    world.fail_next("reach", error)
    world.fail_next("facts", error)
    outcome = revert_run(folder, worlds(world), clock)
    # The second look repaired what failed at the first: once is no reason to give up.
    assert told(outcome) == [("pause", "web2", "put back"), ("kill", "web1", "put back")]
    assert outcome.exit_code == 0


def test_what_fails_at_both_looks_is_left_with_its_reason(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE)
    world.remove("web2")
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("pause", "web2", "left"), ("kill", "web1", "put back")]
    (left,) = outcome.left
    assert "NotOurs" in left.detail
    assert "node('web2').reach('running')" in left.by_hand[0].replace("'\"'\"'", "'")
    assert (outcome.exit_code, outcome.clear) == (4, False)


def test_a_fault_from_a_newer_version_is_left_unguessed_and_the_rest_put_back(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    Journal(folder, clock).append(
        "injecting", id="9-melt", fault="melt", point="web2", tier="web", trouble="wrong",
        shape="held", undo={"node": "web2", "was": "running"}, deadline=1.0,
    )  # fmt: skip
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("melt", "web2", "left"), ("kill", "web1", "put back")]
    (left,) = outcome.left
    assert "this version does not know the fault 'melt'" in left.detail
    assert (left.by_hand, outcome.exit_code) == ((), 4)
    assert world.fingerprint(POINTS) == before


@pytest.mark.parametrize("version", [2, "2", None])
def test_a_journal_of_a_newer_version_is_refused_by_its_number(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, version: Any
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    head = records(folder)[0] | {"version": version}
    rewrite(folder, 0, json.dumps(head).encode())
    content, seen = (folder / NAME).read_bytes(), world.fingerprint(POINTS)
    outcome = revert_run(folder, worlds(world), clock, named=True)
    assert (outcome.lines, outcome.exit_code, outcome.clear) == ((), 5, False)
    (note,) = outcome.notes
    assert f"version {version}, this chaoskit reads up to version 1" in note
    assert (folder / NAME).read_bytes() == content
    assert world.fingerprint(POINTS) == seen


@pytest.mark.parametrize(
    "garbage",
    [b'{"kind": "injecting", "id": "b", "t": 1', b"\x00" * 40, b"[" * 100_000, b"\xff\xfe", b"7"],
    ids=["torn", "zeros", "deep", "bytes", "number"],
)
def test_a_torn_or_garbage_line_hides_nothing(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json, garbage: bytes
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    with (folder / NAME).open("ab") as file:
        file.write(garbage)
    assert revert_run(folder, worlds(world), clock).clear
    assert world.fingerprint(POINTS) == before
    assert outstanding(records(folder)) == []


def test_an_undo_that_cannot_be_read_is_never_called_restored(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE)
    rewrite(folder, 1, b"\x00" * 40)
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("pause", "web2", "put back"), ("unknown", "unknown", "left")]
    assert "the undo of injection 0-kill cannot be read" in outcome.left[0].detail
    assert outcome.exit_code == 4


def test_a_head_that_cannot_be_read_leaves_all_of_the_run(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    rewrite(folder, 0, b"garbage")
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("kill", "web1", "left")]
    assert "nothing says how to open its world" in outcome.left[0].detail
    assert outcome.exit_code == 4


def test_a_folder_without_a_journal_is_one_clear_message(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    outcome = revert_run(tmp_path, worlds(world), clock)
    assert "there is no journal" in outcome.notes[0]
    assert outcome.exit_code == 5


def test_a_runner_that_is_alive_and_on_time_is_left_alone(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, **alive())
    content = (folder / NAME).read_bytes()
    outcome = revert_run(folder, worlds(world), clock)
    assert (outcome.lines, outcome.exit_code, outcome.clear) == ((), 0, False)
    assert f"process {os.getpid()}" in outcome.notes[0]
    assert "`chaoskit halt`" in outcome.notes[0]
    assert (folder / NAME).read_bytes() == content
    assert world.node("web1").facts().state is NodeState.KILLED


def test_a_runner_that_lives_and_has_injected_nothing_yet_is_not_forgotten(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, **alive())
    outcome = revert_run(folder, worlds(world), clock)
    assert (outcome.notes, outcome.exit_code) == (("nothing is outstanding",), 0)
    assert not outcome.clear


def test_a_look_that_fails_is_no_reason_not_to_try_the_undo(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    world.fail_next("facts", Unreachable("gone"))
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("kill", "web1", "put back")]
    assert [r["kind"] for r in records(folder)].count("stuck") == 0
    assert world.fingerprint(POINTS) == before


def test_a_runner_that_is_named_is_fenced_off(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, **alive())
    assert revert_run(folder, worlds(world), clock, named=True).clear
    assert Journal(folder, clock).fenced
    assert world.fingerprint(POINTS) == before


def test_a_runner_that_overran_its_deadline_is_fenced_off_unasked(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, **alive())
    clock.sleep(60 + 2.5)
    assert revert_run(folder, worlds(world), clock).clear
    assert Journal(folder, clock).fenced
    assert world.fingerprint(POINTS) == before


def test_whoever_is_at_it_is_named_and_not_disturbed(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    with claim(folder, clock, "the watchdog", 0.0) as rival:
        assert rival == ""
        outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("kill", "web1", "left")]
    assert f"the watchdog (process {os.getpid()}) is putting it back just now" in outcome.notes[0]
    assert (outcome.exit_code, outcome.clear) == (4, False)
    assert world.node("web1").facts().state is NodeState.KILLED
    assert revert_run(folder, worlds(world), clock).clear


def test_a_revert_that_waited_finds_it_done(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    held = claim(folder, clock, "chaoskit revert", 0.0)
    held.__enter__()

    def done() -> None:
        (injection,) = outstanding(records(folder))
        find("kill").spec.revert(injection.undo, world)
        Journal(folder, clock, "revert").append("reverted", id=injection.id, by="revert")
        held.__exit__(None, None, None)

    clock.at(2.0, done)
    outcome = revert_run(folder, worlds(world), clock)
    assert outcome.notes == ("nothing is outstanding (any more)",)
    assert (outcome.exit_code, outcome.clear) == (0, True)
    assert world.fingerprint(POINTS) == before


def test_a_full_disk_does_not_keep_a_fault_in_force(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = leave(tmp_path / "run", world, clock, KILL)

    def full(*_: Any, **__: Any) -> Record:
        raise JournalError("the journal cannot be written: no space left")

    monkeypatch.setattr(Journal, "append", full)
    outcome = revert_run(folder, worlds(world), clock)
    assert told(outcome) == [("kill", "web1", "put back")]
    assert world.fingerprint(POINTS) == before
    assert any("no space left" in note for note in outcome.notes)
    # Nothing says so on the disk: the next look must find the run again.
    assert not outcome.clear


def test_the_watchdog_goes_on_past_a_revert_that_hangs_and_names_what_is_left(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE)
    world.remove("web2")
    reading, writing = os.pipe()
    os.close(writing)
    with claim(folder, clock, "chaoskit revert", 0.0), open(reading) as pipe:
        assert Watchdog(folder, world, clock, pipe.fileno()).watch() is False
    assert world.node("web1").facts().state is NodeState.RUNNING
    end = first(records(folder)[::-1], "end") or {}
    (undo,) = (i.undo for i in outstanding(records(folder)))
    assert (end["restored"], end["differences"]) == (False, ["web2"])
    assert end["by_hand"] == list(world.by_hand(undo)) != []
