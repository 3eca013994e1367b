"""`chaoskit gameday` as a person types it, over a fake world: new, check, run from a pipe."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chaoskit.cli import gameday_stage, main, opening
from chaoskit.document import load_gameday, load_system
from chaoskit.gameday.log import Log, read_entries
from chaoskit.run.clock import SystemClock
from chaoskit.run.history import read_timeline
from chaoskit.run.journal import Journal
from chaoskit.world.fake import FakeLoad, FakeWorld
from tests.gameday.desk import GAMEDAY, until, write
from tests.gameday.fake_console import open_fake, running

RECOVERY = """\
  - {title: It is restarted, recover: {restart: cache2}, expect: It comes back}
  - title: The feature is switched off
    recover: {command: [sh, -c, echo off; touch switched-off]}
    expect: Fewer calls
"""
AGENDA = GAMEDAY.index("  - title: One web server")
QUICK = """\
experiment: web-loss
hypothesis: One web server is enough
load: {locustfile: load.py, rate: 60/s}
steady_state: [success >= 90%]
phases: {baseline: 2s, fault: 2s, recovery: {within: 10s, hold: 2s}}
faults:
  - kill: {node: web1}
"""
GOES = "answer 1 yes\ngo\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A game day's folder; its system runs, as a fake that other processes can open."""
    write(tmp_path, GAMEDAY[:AGENDA] + RECOVERY + GAMEDAY[AGENDA:])
    FakeWorld.of(load_system(tmp_path / "system.yaml"), path=tmp_path / "world.json")
    monkeypatch.setattr(opening, "open_system", open_fake)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `chaoskit gameday …` with lines on its standard input."""

    def made(*words: str, lines: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        with pytest.raises(SystemExit) as ended:
            main(["gameday", *words])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err

    return made


def test_a_new_day_is_valid_and_about_this_system(folder: Path, call: Call) -> None:
    assert call("new", "fresh.yaml")[0] == 0
    found = load_gameday(folder / "fresh.yaml")
    assert str(found.gameday.agenda[0].inject.selection) == "web1"
    code, said = call("new", "fresh.yaml")
    assert code == 2
    assert "there already" in said


def test_check_makes_the_tools_checks(folder: Path, call: Call) -> None:
    code, said = call("check", "gameday.yaml")
    assert code == 0
    assert "yes  not halted" in said
    (folder / "gameday.yaml").write_text(
        GAMEDAY.replace("check: not_halted", "check: in_window").replace("2026-12-01", "2020-12-01")
    )
    code, said = call("check", "gameday.yaml")
    assert code == 3
    assert "the day is 2020-12-01 10:00-12:00" in said


def test_a_day_from_a_pipe(folder: Path, call: Call) -> None:
    code, said = call(
        "run", "gameday.yaml", "--terminal",
        lines="""
        as Ada
        answer 1 yes they were called
        as Grace
        go
        predict Pages stay
        begin
        wait
        status
        as Linus
        seen <script>alert(1)</script>
        mitigated
        release
        await
        as Grace
        end it came back
        begin
        await
        end
        begin
        await
        end
        skip
        action Linus 2026-12-24 Add an alert
        quit
        """,
    )  # fmt: skip
    assert code == 0, said
    assert "in force: kill on cache1" in said
    entries = read_entries(folder / "gameday.log.jsonl")
    ran = [e for e in entries if e.kind == "ran"]
    assert [(e.step, e.how) for e in ran] == [("1", "done"), ("2", "done"), ("3", "done")]
    assert ran[2].text == "sh exited with 0: off"
    assert (folder / "switched-off").exists()
    held, restarted = (read_timeline(Path(e.run)).injections[0] for e in ran[:2])
    assert (held.fault, held.point, held.proven) == ("kill", "cache1", True)
    assert held.reverted is not None
    assert (restarted.fault, restarted.point) == ("restart", "cache2")
    assert running(FakeWorld.on_disk(folder / "world.json"), "cache1")
    assert [e.value for e in entries if e.kind == "released"] == ["asked", "put back"]


def test_what_is_held_when_the_pipe_ends_is_put_back_and_the_day_goes_on(
    folder: Path, call: Call
) -> None:
    code, said = call(
        "run", "gameday.yaml", "--terminal", lines="answer 1 yes\ngo\nbegin\nwait\nbegin\n"
    )
    assert code == 2
    assert "refused: step 1 is under way" in said
    assert running(FakeWorld.on_disk(folder / "world.json"), "cache1")
    code, said = call("run", "gameday.yaml", "--terminal", lines="end\nnote again here\n")
    assert code == 0, said
    assert "1. The cache's master is killed [under way, done]" in said
    kinds = [e.kind for e in read_entries(folder / "gameday.log.jsonl")]
    assert kinds.count("opened") == 2
    assert kinds[-2:] == ["step", "note"]


def test_a_halt_puts_back_and_blocks_until_it_is_lifted(folder: Path, call: Call) -> None:
    begin = "answer 1 yes\ngo\nbegin\nwait\nhalt a customer calls\nawait\nend\nbegin\n"
    code, said = call("run", "gameday.yaml", "--terminal", lines=begin)
    assert code == 2
    assert "say go again once it is lifted" in said
    assert running(FakeWorld.on_disk(folder / "world.json"), "cache1")
    again = "go\nbegin 1\nwait\nrelease\nawait\nend\nstatus\n"
    assert "2. not halted: no (halted by" in call("run", "--terminal", lines=again)[1]
    with pytest.raises(SystemExit):
        main(["halt", "--lift"])
    code, said = call("run", "--terminal", lines=again)
    assert code == 0, said
    assert "1. The cache's master is killed [ended, done]" in said


def test_a_halt_from_another_terminal_ends_a_recovery_command(folder: Path, call: Call) -> None:
    """The command is that other terminal: it halts, and would then go on for long."""
    halts = f"{sys.executable} -m chaoskit halt --why smoke; sleep 30; touch went-on"
    step = f'  - {{title: Off, recover: {{command: [sh, -c, "{halts}"]}}, expect: x}}\n'
    (folder / "gameday.yaml").write_text(GAMEDAY[:AGENDA] + step + GAMEDAY[AGENDA:])
    code, said = call("run", "--terminal", lines=GOES + "skip\nbegin\nawait\nend\nstatus\n")
    assert code == 0, said
    assert "2. Off [ended, halted]" in said
    (ran,) = [e for e in read_entries(folder / "gameday.log.jsonl") if e.kind == "ran"]
    assert ran.how == "halted"
    assert ran.text.startswith("sh was stopped: ")
    assert not (folder / "went-on").exists()


def test_an_experiment_is_judged_and_reported(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "web-loss.yaml").write_text(QUICK)
    monkeypatch.setattr(
        gameday_stage, "locust", lambda bound, plan, at: FakeLoad(SystemClock(), 60)
    )
    lines = GOES + "skip\nskip\nskip\nbegin\nwait\nseen\nawait\nstatus\nend\nclose\n"
    code, said = call("run", "--terminal", lines=lines)
    assert code == 0, said
    assert "4. One web server is lost [under way, held]" in said
    code, said = call("report")
    assert code == 0
    assert "gameday.report.html" in said
    text = (folder / "gameday.report.md").read_text()
    assert "- web, unavailable: held" in text
    assert "One web server is lost | Put back |" in text
    page = (folder / "gameday.report.html").read_text()
    assert "the run's own report</a>" in page
    assert "<svg" in page


def test_what_a_killed_console_held_is_put_back_and_nothing_is_lost(
    folder: Path, call: Call
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.gameday.fake_console", str(folder)],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(GOES + "predict Pages stay\nbegin\nwait\nseen it is slow\n")
    child.stdin.flush()
    log = folder / "gameday.log.jsonl"
    until(lambda: any(e.kind == "seen" for e in read_entries(log)), 60)
    world = FakeWorld.on_disk(folder / "world.json")
    assert not running(world, "cache1")
    child.kill()
    child.wait()
    child.stdin.close()
    until(lambda: running(world, "cache1"), 60)
    before = read_entries(log)
    code, said = call("run", "--terminal", lines="status\nbegin 1\nwait\nrelease\nawait\nend\n")
    assert code == 0, said
    assert "1. The cache's master is killed [ended, cut-off]" in said
    after = read_entries(log)
    assert after[: len(before)] == before
    (cut,) = [e for e in after if e.how == "cut-off"]
    assert cut.text == "the session ended in it; what was in force was put back by watchdog"
    call("report")
    text = (folder / "gameday.report.md").read_text()
    assert "Pages stay" in text
    assert "Full strength, after it was put back" in text


def test_a_line_is_entered_as_it_was_typed(folder: Path, call: Call) -> None:
    code, said = call(
        "run", "--terminal",
        lines="""
        answer 1 no nobody called
        action Linus 2026-12-24 Add an alert
        action Ada Lovelace 2026-12-25 Ask again  by 2027-01-31
        action Linus soon Add another
        """,
    )  # fmt: skip
    assert code == 2
    assert "refused: 'due' is a day such as 2026-12-24, got 'soon'" in said
    entries = read_entries(folder / "gameday.log.jsonl")
    (answer,) = [e for e in entries if e.kind == "answer"]
    assert (answer.item, answer.value, answer.text) == ("1", "no", "nobody called")
    assert [(e.owner, e.due, e.text) for e in entries if e.kind == "action"] == [
        ("Linus", "2026-12-24", "Add an alert"),
        ("Ada Lovelace", "2026-12-25", "Ask again  by 2027-01-31"),
    ]


def test_the_terminals_times_are_those_of_the_day(folder: Path, call: Call) -> None:
    said = call("run", "--terminal", lines="note here\n")[1]
    at = datetime.fromisoformat(read_entries(folder / "gameday.log.jsonl")[-1].at)
    assert "Times are those of Europe/Berlin." in said
    assert f"{at.astimezone(ZoneInfo('Europe/Berlin')):%H:%M:%S} Grace: here" in said


def test_who_is_not_named_is_told_so_at_once(folder: Path, call: Call) -> None:
    code, said = call("run", "--terminal", "--person", "Grcae", lines="note x\n")
    assert code == 2
    assert "did you mean 'Grace'?" in said
    code, said = call("run", "--terminal", lines="as Linsu\nshout\nnote still here\n")
    assert code == 2
    assert "refused: 'Linsu' is not named" in said
    assert "refused: unknown word 'shout'" in said
    assert "Grace: still here" in said


def test_what_could_not_be_put_back_ends_with_four(folder: Path, call: Call) -> None:
    run = folder / "reports" / "by-hand" / "run"
    run.mkdir(parents=True)
    journal = Journal(run, SystemClock())
    journal.append("run", version=1, run="run", experiment="by-hand", system="shop")
    journal.append("injecting", id="1", fault="kill", point="cache1", trouble="unavailable",
                   shape="held", undo={}, deadline=1.0)  # fmt: skip
    log = Log(folder / "gameday.log.jsonl", SystemClock())
    with log.opened():
        log.append("running", step="1", run=str(run))
    code, said = call("run", "--terminal", lines="quit\n")
    assert code == 4, said
    assert f"left in force: kill on cache1; chaoskit revert {run}" in said


def test_a_console_that_ends_by_itself_says_that_nobody_came(folder: Path, call: Call) -> None:
    (folder / "gameday.yaml").write_text(GAMEDAY.replace("2026-12-01", "2020-12-01"))
    code, said = call("run", "--end-after", "100ms")
    assert code == 3, said
    assert "console: http://127.0.0.1:" in said
    assert "nothing was entered for 100ms, and nobody closed it" in said
    code, said = call("where")
    assert code == 5
    assert "gameday.yaml: no console of it is open here" in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--end-after", "soon"], "such as 10m; got 'soon'"),
        (["--end-after", "1m", "--terminal"], "--end-after takes none"),
    ],
)
def test_an_end_that_makes_no_sense(folder: Path, call: Call, words: list[str], why: str) -> None:
    code, said = call("run", *words)
    assert code == 2
    assert why in said
