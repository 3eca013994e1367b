"""The journal, or all of the run's directory, is taken away while a fault is in force."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from chaoskit.cli.conducting import judge_run
from chaoskit.errors import JournalError
from chaoskit.ports import NodeState
from chaoskit.run import processes
from chaoskit.run.history import outstanding
from chaoskit.run.journal import NAME, Journal
from chaoskit.world.fake import FakeClock
from tests.crash.holding import Held, system
from tests.local_stage import local_stage
from tests.run.live_run import Run, eventually
from tests.run.scene import Scene, experiment, kill
from tests.stage import eventually as comes_true


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def remove_journal(folder: Path) -> None:
    (folder / NAME).unlink()


def empty_journal(folder: Path) -> None:
    (folder / NAME).write_bytes(b"")


Loss = Callable[[Path], None]
SAID = pytest.mark.filterwarnings("ignore:.*the journal cannot be opened:RuntimeWarning")


def lose(run: Run, loss: Loss) -> tuple[int, str]:
    """Take it away once the fault is in force; the watchdog's process."""
    run.until_injected()
    watchdog, folder = run.watchdog(), run.folder
    assert folder is not None
    loss(folder)
    return watchdog


@pytest.mark.parametrize("loss", [remove_folder, empty_journal])
def test_a_runner_puts_back_and_does_not_end_well(start: Callable[..., Run], loss: Loss) -> None:
    run = start("kill", "4s")
    watchdog = lose(run, loss)
    said, _ = run.process.communicate(timeout=30)
    assert run.restored()
    assert "all was put back, but the run is not recorded" in said
    assert run.process.returncode == 5
    eventually("the watchdog has ended", lambda: not processes.alive(*watchdog))
    assert run.state.open_runs() == run.state.gone_runs() == []


@pytest.mark.parametrize("loss", [remove_folder, remove_journal])
def test_a_watchdog_puts_back_what_it_holds_the_record_of(
    start: Callable[..., Run], loss: Loss
) -> None:
    run = start("kill")
    watchdog = lose(run, loss)
    run.process.kill()
    eventually("the world is as before", run.restored)
    eventually("the watchdog has ended", lambda: not processes.alive(*watchdog))
    assert run.state.open_runs() == run.state.gone_runs() == []


def test_a_runner_that_stands_still_is_put_back_and_does_not_end_well(
    start: Callable[..., Run],
) -> None:
    run = start("kill", "1s")
    lose(run, remove_folder)
    run.process.send_signal(signal.SIGSTOP)
    eventually("the world is as before", run.restored)
    run.process.send_signal(signal.SIGCONT)
    assert run.process.wait(timeout=30) == 5
    assert run.restored()


@SAID
@pytest.mark.parametrize("loss", [remove_journal, empty_journal])
@pytest.mark.parametrize("when", [5, 35, 65])
def test_whenever_it_is_lost_the_run_is_never_held(tmp_path: Path, loss: Loss, when: float) -> None:
    scene = Scene(tmp_path)
    scene.plan_for = experiment(faults=[kill("web1")])
    (tmp_path / "plan.json").write_text(scene.plan().model_dump_json())
    before = scene.world.fingerprint(["web1"])
    scene.clock.at(when, lambda: loss(tmp_path))
    with suppress(JournalError):
        scene.run()  # its timeline, in the end
    assert isinstance(scene.error, JournalError)
    assert scene.world.fingerprint(["web1"]) == before
    with pytest.raises(JournalError):
        judge_run(tmp_path)


def test_what_cannot_be_kept_is_not_announced_and_what_was_done_is_known(tmp_path: Path) -> None:
    runner = Journal(tmp_path, FakeClock())
    runner.append("run", run="r")
    watchdog = Journal(tmp_path, FakeClock(), "watchdog")
    assert [r["kind"] for r in watchdog.records()] == ["run"]
    remove_journal(tmp_path)
    for kind in ("injecting", "reverted"):
        with pytest.raises(JournalError, match="cannot be opened"):
            runner.append(kind, id="a")
    assert [r["kind"] for r in watchdog.records()] == ["run", "reverted"]
    assert not (tmp_path / NAME).exists()


def test_what_was_cut_away_is_still_known_to_who_read_it(tmp_path: Path) -> None:
    runner = Journal(tmp_path, FakeClock())
    runner.append("run", run="r")
    runner.append(
        "injecting", id="a", fault="kill", point="web1", tier="web", trouble="unavailable",
        shape="held", undo={"node": "web1"}, deadline=1.0,
    )  # fmt: skip
    watchdog = Journal(tmp_path, FakeClock(), "watchdog")
    assert [i.id for i in outstanding(watchdog.records())] == ["a"]
    empty_journal(tmp_path)
    assert [i.id for i in outstanding(watchdog.records())] == ["a"]
    runner.append("reverted", id="a", by="runner")
    assert outstanding(watchdog.records()) == []
    assert "lost what it said at first" in runner.lost()


@SAID
@pytest.mark.local
@pytest.mark.parametrize("loss", [remove_folder, empty_journal])
def test_a_real_program_is_put_back(tmp_path: Path, loss: Loss) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with local_stage() as made:
        made.redis("node1")
        made.start()
        with made.world(node1="redis:6379") as world:
            assert comes_true(world.node("node1").answers) is True
            held = Held(run, world, system("small", "node1"), lambda: loss(run))
            with pytest.raises(JournalError):
                held.run("pause", {"node": "node1"})
            assert isinstance(held.error, JournalError)
            assert "all was put back" in str(held.error)
            assert world.node("node1").facts().state is NodeState.RUNNING
