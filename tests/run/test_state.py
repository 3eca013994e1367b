"""The state root: halt, locks and pointers to runs with something outstanding."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaoskit.errors import Halted, Outstanding, Refused
from chaoskit.ports import Json
from chaoskit.run import processes
from chaoskit.run.conduct import lock_name, refuse_leftovers
from chaoskit.run.journal import VERSION, Journal
from chaoskit.run.state import StateRoot, default_root
from chaoskit.world.fake import FakeClock

SHOP: Json = {"runtime": "fake", "system": "shop"}
HOLD = """
import sys
from pathlib import Path
from chaoskit.run.state import StateRoot
with StateRoot(Path(sys.argv[1])).lock("docker/shop", "run-1"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> StateRoot:
    return StateRoot(tmp_path / "state")


def test_the_root_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOSKIT_STATE", "/somewhere")
    assert default_root() == Path("/somewhere")


def test_a_halt_blocks_until_lifted_and_says_why(state: StateRoot) -> None:
    state.refuse_if_halted()
    state.halt("outage elsewhere", FakeClock())
    with pytest.raises(Halted, match=r"outage elsewhere.*chaoskit halt --lift"):
        state.refuse_if_halted()
    assert state.lift()
    assert not state.lift()
    state.refuse_if_halted()


def test_a_halt_that_cannot_be_read_still_halts(state: StateRoot) -> None:
    state.halt("x", FakeClock())
    (state.path / "halt.json").write_text("{")
    assert "counts as a halt" in (state.halted() or "")


def test_a_halt_that_cannot_be_opened_still_halts(state: StateRoot) -> None:
    (state.path / "halt.json").mkdir(parents=True)
    assert "cannot be read, which counts as a halt" in (state.halted() or "")


def test_who_has_no_name_can_halt_too(state: StateRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    state.halt("outage elsewhere", FakeClock())
    assert f"halted by user {os.getuid()} at " in (state.halted() or "")


def test_a_second_run_is_refused_with_the_first_ones_name(state: StateRoot) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        taken = pytest.raises(Refused, match=rf"run run-1 \(process {other.pid}\)")
        with taken, state.lock("docker/shop", "run-2"):
            pass
        with state.lock("docker/other", "run-2"):
            other.kill()
    with state.lock("docker/shop", "run-2"):
        assert (state.path / "locks").is_dir()


def test_leftovers_of_the_same_system_refuse_a_run(state: StateRoot, tmp_path: Path) -> None:
    world = SHOP
    journal = Journal(tmp_path, FakeClock())
    journal.append("run", world=world)
    journal.append("injecting", id="a", fault="kill", point="web1", tier="web",
                   trouble="unavailable", shape="held", undo={}, deadline=1)  # fmt: skip
    state.open_run("run-1", tmp_path)
    with pytest.raises(Outstanding, match=r"kill on web1.*chaoskit revert"):
        refuse_leftovers(state, world, FakeClock())
    refuse_leftovers(state, {"runtime": "fake", "system": "other"}, FakeClock())
    journal.append("reverted", id="a", by="revert")
    refuse_leftovers(state, world, FakeClock())


def test_a_journal_of_a_newer_version_refuses_a_run_by_its_number(
    state: StateRoot, tmp_path: Path
) -> None:
    Journal(tmp_path, FakeClock()).append("run", version=VERSION + 1, world=SHOP)
    state.open_run("run-1", tmp_path)
    with pytest.raises(Outstanding) as refused:
        refuse_leftovers(state, SHOP, FakeClock())
    said = str(refused.value)
    assert f"{tmp_path}/journal.jsonl: the journal has version {VERSION + 1}, this chaos" in said
    assert f"on fake/shop: {tmp_path}" in said
    assert f"chaoskit revert {tmp_path}" in said
    assert f"chaoskit revert --forget {tmp_path}" in said


def test_a_journal_of_another_system_blocks_nothing_here_whatever_its_state(
    state: StateRoot, tmp_path: Path
) -> None:
    for run, version in (("run-1", VERSION + 1), ("run-2", VERSION)):
        (tmp_path / run).mkdir()
        journal = Journal(tmp_path / run, FakeClock())
        journal.append("run", version=version, world=SHOP)
        journal.append("injecting", undo="damaged")
        state.open_run(run, tmp_path / run)
    refuse_leftovers(state, {"runtime": "fake", "system": "other"}, FakeClock())
    refuse_leftovers(state, {"runtime": "local", "system": "shop"}, FakeClock())
    assert [folder.name for folder in state.open_runs()] == ["run-2", "run-1"]
    with pytest.raises(Outstanding):
        refuse_leftovers(state, SHOP, FakeClock())


def test_the_same_system_on_another_engine_is_another(state: StateRoot, tmp_path: Path) -> None:
    here, there = (SHOP | {"engine": {"host": host}} for host in ("unix:///a", "tcp://b:2375"))
    Journal(tmp_path, FakeClock()).append("run", world=here)
    Journal(tmp_path, FakeClock()).append("injecting", undo="damaged")
    state.open_run("run-1", tmp_path)
    refuse_leftovers(state, there, FakeClock())
    with pytest.raises(Outstanding):
        refuse_leftovers(state, here, FakeClock())
    assert lock_name(here) != lock_name(there)


def test_an_older_journal_that_names_no_engine_may_be_of_any(
    state: StateRoot, tmp_path: Path
) -> None:
    Journal(tmp_path, FakeClock()).append("run", world=SHOP)
    Journal(tmp_path, FakeClock()).append("injecting", undo="damaged")
    state.open_run("run-1", tmp_path)
    with pytest.raises(Outstanding):
        refuse_leftovers(state, SHOP | {"engine": {"host": "unix:///a"}}, FakeClock())


def test_a_damaged_injection_refuses_a_run_like_one_that_can_be_read(
    state: StateRoot, tmp_path: Path
) -> None:
    journal = Journal(tmp_path, FakeClock())
    journal.append("run", world=SHOP)
    journal.append("injecting", id="a", fault="kill", point="web1", shape="held", undo="damaged")
    state.open_run("run-1", tmp_path)
    with pytest.raises(
        Outstanding, match=r"kill on web1 .*undo of injection a cannot be.*--forget"
    ):
        refuse_leftovers(state, SHOP, FakeClock())


@pytest.mark.parametrize(
    "head",
    [None, {}, {"world": "shop"}, {"world": {"system": "shop"}}, {"world": {"runtime": ["fake"]}}],
    ids=["none", "no world", "text", "no runtime", "a list"],
)
def test_a_journal_that_does_not_say_on_which_system_refuses_the_next_on_any(
    state: StateRoot, tmp_path: Path, head: Json | None
) -> None:
    folder = tmp_path / "run-1"
    folder.mkdir()
    journal = Journal(folder, FakeClock())
    if head is not None:
        journal.append("run", **head)
    state.open_run("run-1", folder)
    injecting = {"id": "a", "fault": "kill", "point": "web1", "trouble": "unavailable"}
    journal.append("injecting", **injecting, shape="held", undo={"node": "web1"})
    with pytest.raises(Outstanding, match=r"on any system: .*kill on web1.*chaoskit revert /"):
        refuse_leftovers(state, {"runtime": "fake", "system": "other"}, FakeClock())
    journal.append("reverted", id="a", by="revert")
    refuse_leftovers(state, SHOP, FakeClock())
    assert state.open_runs() == []


def test_a_journal_that_is_not_there_refuses_the_next_on_any_system(
    state: StateRoot, tmp_path: Path
) -> None:
    state.open_run("run-1", tmp_path)
    with pytest.raises(Outstanding, match=r"on any system: .*there is no journal.*--forget /"):
        refuse_leftovers(state, SHOP, FakeClock())


def test_a_run_that_lives_and_has_injected_nothing_yet_is_not_forgotten(
    state: StateRoot, tmp_path: Path
) -> None:
    own = {"pid": os.getpid(), "started": processes.started(os.getpid())}
    Journal(tmp_path, FakeClock()).append("run", world=SHOP, **own)
    state.open_run("run-1", tmp_path)
    refuse_leftovers(state, {"runtime": "fake", "system": "other"}, FakeClock())
    assert state.open_runs() == [tmp_path]


def test_a_run_whose_directory_is_gone_refuses_the_next_on_any_system(
    state: StateRoot, tmp_path: Path
) -> None:
    folder = tmp_path / "run-1"
    folder.mkdir()
    state.open_run("run-1", folder)
    folder.rmdir()
    assert (state.open_runs(), state.gone_runs()) == ([], [folder])
    with pytest.raises(Outstanding, match=r"run-1 is gone .*chaoskit revert"):
        refuse_leftovers(state, {"runtime": "fake", "system": "other"}, FakeClock())


def test_a_process_is_known_by_its_start_time_too() -> None:
    own = processes.started(os.getpid())
    assert processes.alive(os.getpid(), own)
    assert not processes.alive(os.getpid(), "1")
    assert not processes.alive(0, own)


def test_a_process_is_ended_only_when_it_is_the_one_recorded() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with child:
        since = processes.started(child.pid)
        assert processes.end(child.pid, "1")
        assert child.poll() is None
        begin = time.monotonic()
        assert processes.end(child.pid, since, grace=2.0)
        assert time.monotonic() - begin < 10
