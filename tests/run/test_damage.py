"""A damaged journal: what can be read is put back, what cannot be is never hidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaoskit.errors import JournalError, NotRestored
from chaoskit.ports import Json, NodeState
from chaoskit.run.history import first, leftovers, read_timeline
from chaoskit.run.journal import NAME, Journal, read_records
from chaoskit.run.reverting import Outcome, Worlds, revert_run
from chaoskit.run.watchdog import Watchdog
from chaoskit.world.by_hand import by_hand
from chaoskit.world.fake import FakeClock, FakeWorld
from tests.crash.sweep import closed
from tests.run.leftovers import LINK, MISSING, POINTS, damage, leave, rewrite
from tests.run.scene import Scene, experiment, kill, latency

KILL, PAUSE = ("kill", "web1"), ("pause", "web2")
# Each leaves the record of the kill whole as JSON, and without its undo or what belongs to it.
DAMAGES: dict[str, Any] = {
    "no undo": ("undo", MISSING),
    "undo is text": ("undo", "none"),
    "no fault": ("fault", MISSING),
    "fault is a number": ("fault", 7),
    "no point": ("point", MISSING),
    "no id": ("id", MISSING),
    "id is a list": ("id", ["0-kill"]),
    "shape is nobody's": ("shape", "bent"),
    "time is text": ("t", "noon"),
}
# These are of no use to an undo.
SCRATCHES: dict[str, Any] = {
    "no trouble": ("trouble", MISSING),
    "tier is a list": ("tier", []),
    "deadline is text": ("deadline", "soon"),
}


def revert(folder: Path, world: FakeWorld, clock: FakeClock) -> Outcome:
    return revert_run(folder, Worlds(lambda description: world, by_hand), clock)


def told(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(one.fault, one.point, one.result) for one in outcome.lines]


def state(world: FakeWorld, node: str) -> NodeState:
    return world.node(node).facts().state


# --- `chaoskit revert` --------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "value"), DAMAGES.values(), ids=DAMAGES)
def test_beside_a_damaged_record_the_others_are_put_back_and_it_is_left(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, key: str, value: Any
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE)
    damage(folder, key, value)
    outcome = revert(folder, world, clock)
    assert ("pause", "web2", "put back") in told(outcome)
    assert state(world, "web2") is NodeState.RUNNING
    # Without its id nobody knows that what later records speak of is the same injection.
    assert len(outcome.left) == (2 if key == "id" else 1)
    assert all("cannot be read" in line.detail for line in outcome.left)
    assert (outcome.exit_code, outcome.clear, outcome.hopeless) == (4, False, True)
    assert (first(read_records(folder / NAME)[::-1], "end") or {})["restored"] is False
    # The next look says the same: nothing is forgotten because it was said once.
    assert revert(folder, world, clock).left == outcome.left


def test_what_can_be_read_of_a_damaged_record_is_told_with_its_commands(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    damage(folder, "shape")
    (left,) = revert(folder, world, clock).left
    assert (left.fault, left.point) == ("kill", "web1")
    assert left.detail == (
        "the record with the undo of injection 0-kill cannot be read "
        "(missing or damaged: shape); look at the system"
    )
    assert "node('web1').reach('running')" in left.by_hand[0].replace("'\"'\"'", "'")


@pytest.mark.parametrize(("key", "value"), SCRATCHES.values(), ids=SCRATCHES)
def test_damage_that_no_undo_needs_keeps_nothing_in_force(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json, key: str, value: Any
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    damage(folder, key, value)
    outcome = revert(folder, world, clock)
    assert (told(outcome), outcome.exit_code) == ([("kill", "web1", "put back")], 0)
    assert world.fingerprint(POINTS) == before


@pytest.mark.parametrize(
    "noted",
    [
        {"kind": "evidence", "evidence": "none", "asked": 1},
        {"kind": "injected", "t": "noon"},
        {"kind": "lost"},
        {"kind": "reverted"},
        {"kind": "reverted", "by": 7},
        {"kind": "stuck"},
    ],
    ids=lambda noted: " ".join(noted),
)
def test_a_damaged_note_is_passed_over_and_the_undo_done_once_more(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json, noted: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    with (folder / NAME).open("a") as file:
        file.write(json.dumps({"t": 1002.0, "id": "0-kill"} | noted) + "\n")
    outcome = revert(folder, world, clock)
    assert (told(outcome), outcome.exit_code) == ([("kill", "web1", "put back")], 0)
    assert world.fingerprint(POINTS) == before


def test_that_it_is_stuck_after_all_counts_also_where_the_reason_cannot_be_read(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    journal = Journal(folder, clock, "revert")
    journal.append("reverted", id="0-kill", by="revert")
    journal.append("stuck", id="0-kill", error=["no", "text"])
    assert leftovers(journal.records()) == ["kill on web1"]


def test_a_damaged_record_that_is_known_to_be_put_back_is_not_left(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    Journal(folder, clock).append("reverted", id="0-kill", by="runner")
    damage(folder, "undo")
    outcome = revert(folder, world, clock)
    assert (outcome.lines, outcome.exit_code, outcome.clear) == ((), 0, True)


@pytest.mark.parametrize("line", [b"{}", b'{"kind": "injecting", "t": 1, "id": "0-kill"}'])
def test_a_run_with_a_damaged_or_torn_injection_is_not_judged(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, line: bytes
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE)
    rewrite(folder, 1, line)
    with pytest.raises(JournalError, match=r"the journal is damaged: .* cannot be read"):
        read_timeline(folder)


# --- the watchdog -------------------------------------------------------------------------------


def test_the_watchdog_puts_back_what_it_can_read_and_names_the_rest(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL, PAUSE, ("latency", LINK))
    damage(folder, "fault")
    assert Watchdog(folder, world, clock, closed()).watch() is False
    assert state(world, "web2") is NodeState.RUNNING
    records = read_records(folder / NAME)
    assert [r["id"] for r in records if r["kind"] == "reverted"] == ["2-latency", "1-pause"]
    end = first(records[::-1], "end") or {}
    assert end["restored"] is False
    assert "unknown on web1 (the record with the undo of injection 0-kill" in end["differences"][0]
    assert "node('web1')" in end["by_hand"][0].replace("'\"'\"'", "'")


def test_a_process_that_cannot_be_read_keeps_the_watchdog_from_nothing(
    tmp_path: Path, world: FakeWorld, clock: FakeClock, before: Json
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    Journal(folder, clock).append("process", what="load", pid="many")
    Journal(folder, clock).append("process")
    assert Watchdog(folder, world, clock, closed()).watch() is True
    assert world.fingerprint(POINTS) == before


def test_a_watchdog_whose_runner_ended_well_does_not_call_damage_restored(
    tmp_path: Path, world: FakeWorld, clock: FakeClock
) -> None:
    folder = leave(tmp_path / "run", world, clock, KILL)
    damage(folder, "undo")
    Journal(folder, clock).append("end", restored=False, differences=["web1"])
    written = (folder / NAME).read_bytes()
    assert Watchdog(folder, world, clock, closed()).watch() is False
    assert (folder / NAME).read_bytes() == written


# --- the runner ---------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.plan_for = experiment(faults=[kill("web1"), latency(LINK)])
    return made


def damaged_in_the_middle(scene: Scene, key: str) -> Json:
    """Run it, and damage the kill's record once both faults are open; the state before."""
    before = scene.world.fingerprint(POINTS)
    scene.clock.at(35, lambda: damage(scene.folder, key))
    with pytest.raises(JournalError, match="the journal is damaged"):
        scene.run()  # its timeline, in the end
    return before


def test_a_runner_puts_back_what_it_announced_also_where_its_record_is_damaged_since(
    scene: Scene,
) -> None:
    before = damaged_in_the_middle(scene, "undo")
    assert scene.world.fingerprint(POINTS) == before
    records = read_records(scene.folder / NAME)
    assert leftovers(records) == []
    assert (first(records[::-1], "end") or {})["restored"] is True
    # All is as it was; what it was worth as evidence nobody can say any more.
    with pytest.raises(JournalError):
        scene.verdict()


def test_a_runner_never_calls_restored_what_its_journal_does_not_tell(scene: Scene) -> None:
    before = damaged_in_the_middle(scene, "id")
    assert scene.world.fingerprint(POINTS) == before
    assert isinstance(scene.error, NotRestored)
    assert "kill on web1 is not known to be put back" in str(scene.error)
    assert "by hand" in str(scene.error)
    with pytest.raises(JournalError):
        scene.verdict()
