"""`chaoskit revert` as it is typed: what it finds, what it says, what it ends with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.ports import Json, NodeState
from chaoskit.run import processes
from chaoskit.run.clock import SystemClock
from chaoskit.run.history import outstanding
from chaoskit.run.journal import NAME, Journal, read_records
from chaoskit.run.state import StateRoot
from chaoskit.world import reopen_world
from chaoskit.world.fake import FakeWorld
from tests.run.leftovers import LINK, POINTS, damage, fake_world, leave, rewrite
from tests.run.live_run import changes_wait, eventually
from tests.world.standin import standin

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()


@pytest.fixture
def state(tmp_path: Path) -> StateRoot:
    return StateRoot(tmp_path / "state")


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return fake_world(tmp_path / "world.json")


@pytest.fixture
def before(world: FakeWorld) -> Json:
    return world.fingerprint(POINTS)


def begin_revert(
    state: StateRoot, *words: str, cwd: Path = ROOT, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "chaoskit", "revert", *words],
        cwd=cwd, env=os.environ | {"CHAOSKIT_STATE": str(state.path)} | environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def revert(state: StateRoot, *words: str, cwd: Path = ROOT, **environment: str) -> tuple[int, str]:
    """Exit code and what was said; a traceback or a bug of ours fails the test."""
    with begin_revert(state, *words, cwd=cwd, **environment) as process:
        said, wrong = process.communicate(timeout=60)
    assert wrong == ""
    return process.returncode, said


def left_by(state: StateRoot, world: FakeWorld, name: str, *faults: tuple[str, str]) -> Path:
    folder = leave(state.path.parent / "reports" / name, world, CLOCK, *faults)
    state.open_run(name, folder)
    return folder


def test_every_run_is_found_put_back_and_forgotten(
    state: StateRoot, world: FakeWorld, before: Json
) -> None:
    older = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    newer = left_by(state, world, "20260102T000000Z-bbbb", ("cut", LINK))
    code, said = revert(state)
    assert code == 0
    assert said.index("cut on web -> cache: put back") < said.index("kill on web1: put back")
    assert world.fingerprint(POINTS) == before
    assert state.open_runs() == []
    assert all(outstanding(read_records(folder / NAME)) == [] for folder in (older, newer))
    assert revert(state) == (0, f"state: {state.path}\nnothing is outstanding\n")


def test_it_goes_past_what_it_cannot_mend_and_says_how_to(
    state: StateRoot, world: FakeWorld, before: Json, tmp_path: Path
) -> None:
    left_by(state, world, "20260101T000000Z-aaaa", ("pause", "web1"))
    damaged = left_by(state, world, "20260102T000000Z-bbbb")
    (damaged / NAME).unlink()
    gone = tmp_path / "gone.json"
    lost = left_by(state, fake_world(gone), "20260103T000000Z-cccc", ("latency", LINK))
    gone.rename(tmp_path / "away.json")
    code, said = revert(state)
    assert code == 4
    assert f"{damaged / NAME}: there is no journal" in said
    assert "pause on web1: put back" in said
    assert "left by run 20260103T000000Z-cccc: latency on web -> cache" in said
    assert f"try again: chaoskit revert {lost}" in said
    assert world.fingerprint(POINTS) == before
    assert sorted(f.name for f in state.open_runs()) == [damaged.name, lost.name]
    # What it says to type mends it, once the world is there again.
    (tmp_path / "away.json").rename(gone)
    (typed,) = [line.strip() for line in said.splitlines() if "python3 -c" in line]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", typed], env=os.environ | {"PATH": path}, check=True)
    assert FakeWorld.on_disk(gone).fingerprint(POINTS) == before
    (damaged / NAME).touch()
    code, said = revert(state)
    assert (code, state.open_runs()) == (0, [])
    assert "latency on web -> cache: already gone" in said


def test_a_newer_journal_is_one_message_with_its_version(
    state: StateRoot, world: FakeWorld
) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    head = read_records(folder / NAME)[0] | {"version": 7}
    rewrite(folder, 0, json.dumps(head).encode())
    code, said = revert(state)
    assert code == 5
    assert "the journal has version 7, this chaoskit reads up to version 1" in said
    assert state.open_runs() == [folder]


def test_a_run_that_is_under_way_is_touched_only_when_it_is_named(
    state: StateRoot, world: FakeWorld, before: Json
) -> None:
    own = {"pid": os.getpid(), "started": processes.started(os.getpid())}
    folder = leave(state.path.parent / "run-1", world, CLOCK, ("kill", "web1"), **own)
    state.open_run("run-1", folder)
    seen = world.fingerprint(POINTS)
    code, said = revert(state)
    assert (code, world.fingerprint(POINTS)) == (0, seen)
    assert "`chaoskit halt`" in said
    code, said = revert(state, "run-1")
    assert (code, world.fingerprint(POINTS)) == (0, before)


def test_a_run_is_named_by_its_folder_from_within_too(
    state: StateRoot, world: FakeWorld, before: Json
) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    code, _ = revert(state, ".", cwd=folder)
    assert (code, world.fingerprint(POINTS), state.open_runs()) == (0, before, [])


def test_a_run_whose_directory_is_gone_is_told_once(state: StateRoot, world: FakeWorld) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    shutil.rmtree(folder)
    code, said = revert(state)
    assert code == 4
    assert f"the directory of run {folder.name} is gone ({folder})" in said
    assert revert(state) == (0, f"state: {state.path}\nnothing is outstanding\n")


def test_a_damaged_record_is_left_and_told_until_somebody_answers_for_it(
    state: StateRoot, world: FakeWorld, before: Json
) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"), ("cut", LINK))
    damage(folder, "fault", None)
    for _ in range(2):
        code, said = revert(state)
        assert (code, state.open_runs()) == (4, [folder])
        assert "unknown on web1: left (the record with the undo of injection 0-kill cannot" in said
        assert f"chaoskit revert --forget {folder}" in said
    assert "cut on web -> cache: put back" not in said
    world.node("web1").reach(NodeState.RUNNING)
    assert world.fingerprint(POINTS) == before
    code, said = revert(state, "--forget", folder.name)
    assert (code, state.open_runs()) == (0, [])
    assert f"run {folder.name} is forgotten: what it left is yours to mend" in said


def test_only_a_run_that_the_state_points_at_is_said_to_keep_others_from_starting(
    state: StateRoot, world: FakeWorld, tmp_path: Path
) -> None:
    folder = leave(tmp_path / "copy", world, CLOCK, ("kill", "web1"))
    damage(folder, "fault", None)
    code, said = revert(state, str(folder))
    assert code == 4
    assert "unknown on web1: left" in said
    assert "keeps new runs from starting" not in said
    state.open_run(folder.name, folder)
    assert f"run {folder.name} keeps new runs from starting" in revert(state, str(folder))[1]


def test_a_journal_that_cannot_be_read_is_forgotten_only_when_it_is_named(
    state: StateRoot, world: FakeWorld
) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    head = read_records(folder / NAME)[0] | {"version": 7}
    rewrite(folder, 0, json.dumps(head).encode())
    with begin_revert(state, "--forget") as process:
        _, wrong = process.communicate(timeout=60)
    assert (process.returncode, state.open_runs()) == (2, [folder])
    assert "--forget forgets one run: name it" in wrong
    written = (folder / NAME).read_bytes()
    assert revert(state, "--forget", folder.name)[0] == 0
    assert state.open_runs() == []
    assert (folder / NAME).read_bytes() == written


def test_what_can_still_be_put_back_is_not_forgotten(
    state: StateRoot, world: FakeWorld, tmp_path: Path
) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    (tmp_path / "world.json").rename(tmp_path / "away.json")
    code, said = revert(state, "--forget", folder.name)
    assert (code, state.open_runs()) == (4, [folder])
    assert f"run {folder.name} is not forgotten: try again what is left" in said


def test_without_an_engine_links_are_lifted_and_each_node_is_left_with_its_commands(
    state: StateRoot, tmp_path: Path
) -> None:
    nowhere = f"unix://{tmp_path}/no.sock"
    with standin("c1") as proxies:
        world = reopen_world(
            {
                "runtime": "docker", "system": "shop", "project": "shop", "tiers": {},
                "proxies": proxies.url, "links": {LINK: ["c1"]}, "pings": {},
            }
        )  # fmt: skip
        folder = leave(
            tmp_path / "reports" / "run-1", world, CLOCK, ("latency", LINK), ("cut", LINK)
        )
        undo = {"node": "web1", "was": "running", "wanted": "killed", "grace": 0.0}
        Journal(folder, CLOCK).append(
            "injecting", id="2-kill", fault="kill", point="web1", tier="web",
            trouble="unavailable", shape="held", undo=undo, deadline=1.0,
        )  # fmt: skip
        state.open_run("run-1", folder)
        assert proxies.proxies["c1"]["toxics"]
        assert not proxies.proxies["c1"]["enabled"]
        code, said = revert(state, DOCKER_HOST=nowhere)
        assert proxies.proxies["c1"]["toxics"] == []
        assert proxies.proxies["c1"]["enabled"]
    assert code == 4
    assert "latency on web -> cache: put back\n" in said
    assert "cut on web -> cache: put back\n" in said
    assert f"kill on web1: left (Unreachable: no Docker engine answers at {nowhere}" in said
    assert "    docker start $(docker ps -a" in said
    assert [i.point for i in outstanding(read_records(folder / NAME))] == ["web1"]


def test_two_at_once_do_no_harm(state: StateRoot, world: FakeWorld, before: Json) -> None:
    left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"), ("cut", LINK))
    with begin_revert(state) as one, begin_revert(state) as two:
        ends = [each.communicate(timeout=60) for each in (one, two)]
    assert [each.returncode for each in (one, two)] == [0, 0], ends
    assert world.fingerprint(POINTS) == before
    assert state.open_runs() == []


def waits(process: subprocess.Popen[str]) -> bool:
    """Whether it is blocked on somebody's lock, where the kernel lets a signal through at once."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and str(process.pid) in line.split() for line in lines)


def interrupted(process: subprocess.Popen[str], *numbers: int) -> list[str]:
    """Each signal is sent while the undo waits for its turn; what was said to each on stderr."""
    said = []
    assert process.stderr is not None
    for number in numbers:
        eventually("the undo has begun", lambda: waits(process), within=60.0)
        process.send_signal(number)
        said.append(process.stderr.readline())
    return said


def test_the_first_two_signals_tell_what_is_left_and_cut_nothing_short(
    state: StateRoot, world: FakeWorld, before: Json, tmp_path: Path
) -> None:
    left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    with changes_wait(tmp_path / "world.json"):
        process = begin_revert(state)
        said = interrupted(process, signal.SIGINT, signal.SIGTERM)
        assert process.poll() is None
        assert world.fingerprint(POINTS) != before
    with process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert world.fingerprint(POINTS) == before
    assert state.open_runs() == []
    for line in said:
        assert "still being put back: kill on web1. This is not cut short" in line
        assert "a third signal leaves at once, and what is left then stays in force" in line


def test_a_third_signal_leaves_with_4_and_says_what_is_left(
    state: StateRoot, world: FakeWorld, before: Json, tmp_path: Path
) -> None:
    folder = left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"), ("cut", LINK))
    with changes_wait(tmp_path / "world.json"), begin_revert(state) as process:
        interrupted(process, signal.SIGINT, signal.SIGINT)
        eventually("the undo goes on", lambda: waits(process), within=60.0)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "not put back yet: cut on web -> cache, kill on web1" in said
    assert "the watchdog is NOT there to put everything back. Do it with: chaoskit revert" in said
    assert state.open_runs() == [folder]
    assert revert(state)[0] == 0
    assert world.fingerprint(POINTS) == before


def test_a_terminal_that_is_gone_does_not_keep_the_next_run_in_force(
    state: StateRoot, world: FakeWorld, before: Json
) -> None:
    left_by(state, world, "20260101T000000Z-aaaa", ("kill", "web1"))
    left_by(state, world, "20260102T000000Z-bbbb", ("cut", LINK))
    with begin_revert(state) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=60)
    assert world.fingerprint(POINTS) == before
    assert state.open_runs() == []
