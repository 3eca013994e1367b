"""What becomes of each occurrence: run once, missed, refused, called off or cut off, and said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.errors import InvalidInput
from chaoskit.run.calls import StopFlag
from chaoskit.schedule.outside import Runner
from tests.schedule.desk import Desk, Killed

DAILY = """\
schedule: shop
entries:
  - {name: daily, run: [cache-loss.yaml], cron: "0 10 * * *"}
"""
HOURLY = DAILY.replace("0 10", "0 *")
OFTEN = DAILY.replace("0 10", "*/2 *").replace("daily", "often")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, DAILY)


def kinds(desk: Desk) -> list[str]:
    return [record["kind"] for record in desk.keeper().log.records()]


def test_it_runs_when_due_and_once_however_often_it_is_called(desk: Desk) -> None:
    for at in ("2026-06-01 09:59", "2026-06-01 10:00", "2026-06-01 10:00:30", "2026-06-01 10:01"):
        assert desk.once(at) == 0
    assert desk.runs.ran == [("01 10:00", "cache-loss")]
    assert kinds(desk) == ["adopted", "begun", "ended"]


def test_the_first_call_ever_may_be_the_one_that_is_due(desk: Desk) -> None:
    desk.once("2026-06-01 10:00:05")
    assert len(desk.runs.ran) == 1


def test_the_exit_code_is_kept_and_handed_on(desk: Desk) -> None:
    desk.runs.code = 1
    assert desk.once("2026-06-01 10:00") == 1
    assert desk.keeper().log.records()[-1]["code"] == 1


def test_a_missed_one_is_reported_and_not_made_up_for(desk: Desk) -> None:
    desk.once("2026-06-01 09:00")
    assert desk.once("2026-06-04 09:00") == 3
    assert desk.runs.ran == []
    assert "missed: daily, 3 since Mon 2026-06-01 10:00:00 +0000; none is made up for" in desk.said
    assert desk.once("2026-06-04 09:01") == 0


def test_a_run_that_takes_long_makes_others_missed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, HOURLY)
    desk.once("2026-06-01 09:30")
    desk.runs.during = lambda: desk.clock.sleep(2.5 * 3600)
    assert desk.once("2026-06-01 10:00") == 3
    assert desk.runs.ran == [("01 10:00", "cache-loss")]
    assert any("missed: daily" in line for line in desk.said)


def test_a_death_in_the_middle_is_reported_once(desk: Desk) -> None:
    def die() -> None:
        raise Killed

    desk.runs.during = die
    with pytest.raises(Killed):
        desk.once("2026-06-01 10:00")
    desk.runs.during = lambda: None
    assert desk.once("2026-06-01 10:01") == 5
    assert "cut off: daily" in desk.said[-1]
    assert desk.once("2026-06-01 10:02") == 0
    assert len(desk.runs.ran) == 1


def test_two_at_once_there_never_are(desk: Desk) -> None:
    def again() -> None:
        desk.runs.during = lambda: None
        assert desk.keeper().once() == 0

    desk.runs.during = again
    desk.once("2026-06-01 10:00")
    assert len(desk.runs.ran) == 1
    assert any(line.startswith("busy") for line in desk.said)


def test_a_halt_wins(desk: Desk) -> None:
    desk.once("2026-06-01 09:00")
    (desk.folder / "state" / "halt.json").write_text('{"by": "ann", "at": "today", "why": "fire"}')
    assert desk.once("2026-06-01 10:00") == 3
    assert desk.runs.ran == []
    assert "halted by ann at today: fire" in desk.said[-1]
    desk.state.lift()
    assert desk.once("2026-06-01 10:01") == 0
    assert desk.runs.ran == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('blackouts: [{date: "2026-06-01", why: feast}]', "blackout 2026-06-01: feast"),
        ('blackouts: [{from: "2026-05-30", to: "2026-06-01"}]', "blackout 2026-05-30 to"),
        ('blackouts: [{command: ["true"], why: freeze}]', "exits with 0: freeze"),
        ("blackouts: [{command: [no-such-command]}]", "no answer is not a go-ahead"),
        ("blackouts: [{http: {url: 'http://127.0.0.1:1/'}}]", "no answer is not a go-ahead"),
        ('working_hours: {days: tue, from: "09:00", to: "17:00"}', "outside working hours"),
        ('working_hours: {from: "09:00", to: "10:00"}', "outside working hours"),
    ],
)
def test_what_forbids_wins(tmp_path: Path, more: str, why: str) -> None:
    desk = Desk(tmp_path, f"{DAILY}{more}\n")
    desk.once("2026-06-01 10:00")
    assert desk.runs.ran == []
    assert why in desk.said[-1]


@pytest.mark.parametrize(
    "more",
    [
        'blackouts: [{from: "2026-05-30", to: "2026-06-01 10:00"}]',
        'blackouts: [{command: ["false"]}]',
        'working_hours: {days: sun, from: "22:00", to: "10:01"}',
    ],
)
def test_what_does_not_forbid_does_not(tmp_path: Path, more: str) -> None:
    desk = Desk(tmp_path, f"{DAILY}{more}\n")
    desk.once("2026-06-01 10:00")
    assert len(desk.runs.ran) == 1


def test_a_run_can_be_called_off(desk: Desk) -> None:
    desk.once("2026-06-01 09:00")
    assert desk.keeper().skip("daily").at.day == 1
    assert desk.keeper().skip("daily").at.day == 2
    for day in (1, 2, 3):
        desk.once(f"2026-06-0{day} 10:00")
    assert desk.runs.ran == [("03 10:00", "cache-loss")]
    with pytest.raises(InvalidInput, match="there are daily"):
        desk.keeper().skip("dayly")


def test_what_would_not_run_anyway_is_not_called_off(tmp_path: Path) -> None:
    hours = 'working_hours: {days: mon-fri, from: "09:00", to: "17:00"}\n'
    desk = Desk(tmp_path, DAILY + hours)
    desk.once("2026-06-05 10:00")  # a Friday
    assert desk.keeper().skip("daily").at.day == 8
    for day in (6, 7, 8, 9):
        desk.once(f"2026-06-0{day} 10:00")
    assert [when for when, _ in desk.runs.ran] == ["05 10:00", "09 10:00"]


def test_one_that_is_due_and_waits_behind_another_can_be_called_off(tmp_path: Path) -> None:
    desk = Desk(tmp_path, DAILY + DAILY.splitlines()[-1].replace("daily", "later") + "\n")
    desk.once("2026-06-01 09:00")

    def call_off() -> None:
        desk.clock.sleep(60)
        assert desk.keeper().skip("later").at.day == 1

    desk.runs.during = call_off
    desk.once("2026-06-01 10:00")
    assert len(desk.runs.ran) == 1
    assert desk.said[-1] == "not run: later, Mon 2026-06-01 10:00:00 +0000: called off"
    desk.runs.during = lambda: None
    desk.once("2026-06-02 10:00")
    assert len(desk.runs.ran) == 3


def test_what_is_too_late_to_run_is_not_called_off(desk: Desk) -> None:
    desk.once("2026-06-01 09:00")
    desk.clock.at("2026-06-03 11:00")
    assert desk.keeper().skip("daily").at.day == 4


def test_where_nothing_may_ever_run_there_is_nothing_to_call_off(tmp_path: Path) -> None:
    never = 'blackouts: [{from: "2000-01-01", to: "2999-12-31", why: never}]\n'
    desk = Desk(tmp_path, DAILY + never)
    with pytest.raises(InvalidInput, match=r"none that comes would run .*2026-06-01 .*: never"):
        desk.keeper().skip("daily")
    assert kinds(desk) == []


NOTICED = DAILY + 'notice: {before: 15m, webhook: "${env:HOOK}"}\n'
HOOK = "https://hooks.example.com/s3cret"


@pytest.fixture
def noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("HOOK", HOOK)
    return Desk(tmp_path, NOTICED)


def test_a_notice_comes_before_and_only_once(noticed: Desk) -> None:
    for at in ("2026-06-01 09:40", "2026-06-01 09:45", "2026-06-01 09:46", "2026-06-01 10:00"):
        noticed.once(at)
    ((url, text),) = noticed.posted
    assert url == HOOK
    assert "will run daily at Mon 2026-06-01 10:00:00 +0000" in text
    assert "chaoskit schedule skip daily" in text
    assert len(noticed.runs.ran) == 1
    assert HOOK not in "".join(noticed.said)


def test_a_notice_comes_also_while_something_else_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", HOOK)
    desk = Desk(tmp_path, HOURLY + 'notice: {before: 15m, webhook: "${env:HOOK}"}\n')
    desk.once("2026-06-01 09:50")
    desk.runs.minutes = 55
    desk.once("2026-06-01 10:00")
    assert [when for when, _ in desk.runs.ran] == ["01 10:00"]
    assert len(desk.posted) == 2
    assert "at Mon 2026-06-01 11:00" in desk.posted[-1][1]
    desk.once("2026-06-01 11:00")
    assert [when for when, _ in desk.runs.ran] == ["01 10:00", "01 11:00"]


def test_without_a_notice_it_does_not_run(noticed: Desk) -> None:
    noticed.deaf = True
    noticed.once("2026-06-01 09:50")
    assert noticed.once("2026-06-01 10:00") == 3
    assert noticed.runs.ran == []
    assert "no notice of it was given" in noticed.said[-1]


def test_what_will_not_run_is_not_announced(noticed: Desk) -> None:
    noticed.clock.at("2026-06-01 09:00")
    noticed.keeper().skip("daily")
    noticed.once("2026-06-01 09:50")
    assert noticed.posted == []


def test_the_loop_runs_each_in_its_minute_and_ends_when_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, OFTEN)
    keeper = desk.keeper()

    def stop_after_three() -> None:
        if len(desk.runs.ran) == 3:
            keeper.stop.request("interrupted", "enough")

    desk.runs.during = stop_after_three
    desk.clock.at("2026-06-01 09:59")
    assert keeper.loop() == 0
    assert [when for when, _ in desk.runs.ran] == ["01 10:00", "01 10:02", "01 10:04"]


def test_the_loop_heeds_what_is_written_while_it_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, OFTEN)
    keeper = desk.keeper()

    def forbid_or_stop() -> None:
        if len(desk.runs.ran) == 2:
            keeper.stop.request("interrupted", "enough")
        blackout = 'blackouts: [{from: "2026-06-01", to: "2026-06-01 10:05"}]\n'
        (desk.folder / "schedule.yaml").write_text(OFTEN + blackout)

    desk.runs.during = forbid_or_stop
    desk.clock.at("2026-06-01 09:59")
    assert keeper.loop() == 0
    assert [when for when, _ in desk.runs.ran] == ["01 10:00", "01 10:06"]


def test_what_is_written_during_a_run_holds_for_what_waits_behind_it(tmp_path: Path) -> None:
    later = DAILY + DAILY.splitlines()[-1].replace("daily", "later") + "\n"
    desk = Desk(tmp_path, later)

    def forbid() -> None:
        feast = 'blackouts: [{date: "2026-06-01", why: feast}]\n'
        (desk.folder / "schedule.yaml").write_text(later + feast)

    desk.runs.during = forbid
    assert desk.once("2026-06-01 10:00") == 0
    assert len(desk.runs.ran) == 1
    assert desk.said[-1].endswith("+0000: blackout 2026-06-01: feast")


def test_while_the_file_is_wrong_nothing_begins_and_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, OFTEN + "late: 1m\n")
    keeper, file = desk.keeper(), desk.folder / "schedule.yaml"
    asleep = desk.clock.sleep

    def mend_or_stop(seconds: float) -> None:
        asleep(seconds)
        if desk.clock.time.minute >= 5:
            file.write_text(desk.text)
        if len(desk.runs.ran) == 2:
            keeper.stop.request("interrupted", "enough")

    def spoil() -> None:
        desk.runs.during = lambda: None
        file.write_text(desk.text.replace("cron", "crn"))

    desk.runs.during = spoil
    monkeypatch.setattr(desk.clock, "sleep", mend_or_stop)
    desk.clock.at("2026-06-01 09:59")
    assert keeper.loop() == 2
    assert [when for when, _ in desk.runs.ran] == ["01 10:00", "01 10:06"]
    (wrong,) = (line for line in desk.said if line.startswith("wrong: nothing begins"))
    assert "schedule.yaml:3:" in wrong
    assert "did you mean 'cron'?" in wrong
    assert any("missed: often, 2 since Mon 2026-06-01 10:02" in line for line in desk.said)


def test_a_newly_timed_entry_owes_nothing(desk: Desk) -> None:
    desk.once("2026-06-01 09:00")
    (desk.folder / "schedule.yaml").write_text(DAILY.replace("0 10", "30 9"))
    assert desk.once("2026-06-01 12:00") == 0
    assert desk.once("2026-06-02 09:30") == 0
    assert len(desk.runs.ran) == 1


def test_a_torn_last_line_is_no_hindrance(desk: Desk) -> None:
    desk.once("2026-06-01 09:00")
    with desk.keeper().log.path.open("a") as file:
        file.write('{"kind": "begu')
    desk.once("2026-06-01 10:00")
    assert kinds(desk) == ["adopted", "begun", "ended"]


def test_the_child_gets_the_paths_and_its_code_comes_back(desk: Desk) -> None:
    script = "import sys; sys.exit(3 if sys.argv[1].endswith('cache-loss.yaml') else 9)"
    keeper = desk.keeper()
    keeper.runner = Runner(StopFlag(), (sys.executable, "-c", script))
    desk.clock.at("2026-06-01 10:00")
    assert keeper.once() == 3


def test_a_child_that_outlives_its_scheduler_keeps_the_schedule_busy(desk: Desk) -> None:
    log = desk.keeper().log
    with log.lock() as lock:
        assert lock is not None
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,)
        )
    with child:
        with log.lock() as second:
            assert second is None
        child.communicate(b"\n")
    with log.lock() as third:
        assert third is not None
