"""Game days on a schedule: begun in their own hours, announced by title, and never two at once."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests
from icalendar import Calendar

from chaoskit.cli import main
from chaoskit.errors import InvalidInput
from chaoskit.run.calls import StopFlag
from chaoskit.schedule.moments import Occurrence
from chaoskit.schedule.outside import PLAY, Runner
from chaoskit.schedule.pages import calendar
from tests.schedule.desk import Desk, Killed, lay

# Nine in London is ten in Berlin, where the day begins.
TEXT = """\
schedule: shop
timezone: Europe/London
entries:
  - {name: outage, gameday: gameday.yaml, cron: "0 9 * * *"}
"""
DUE = "2026-12-01 09:00"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, TEXT)


def kinds(desk: Desk) -> list[str]:
    return [record["kind"] for record in desk.keeper().log.records()]


def test_it_begins_when_due_and_once_however_often_it_is_called(desk: Desk) -> None:
    for at in ("2026-12-01 08:59", DUE, "2026-12-01 09:00:30", "2026-12-01 09:01"):
        assert desk.once(at) == 0
    assert desk.runs.ran == [("01 09:00", "gameday")]
    assert kinds(desk) == ["adopted", "begun", "ended"]
    begun = desk.keeper().log.records()[1]
    assert begun["gameday"] == str(desk.folder / "gameday.yaml")
    assert any("begins: game day 'The cache goes away' (outage), Tue" in s for s in desk.said)


def test_on_another_day_than_its_own_it_does_not_begin(desk: Desk) -> None:
    desk.once("2026-11-30 08:00")
    assert desk.once("2026-11-30 09:00") == 0
    assert desk.runs.ran == []
    assert desk.said[-1].endswith(
        "+0000: outside the game day (2026-12-01 10:00-12:00 Europe/Berlin)"
    )


def test_days_that_are_not_its_own_are_not_missed(desk: Desk) -> None:
    desk.once("2026-11-20 08:00")
    assert desk.once("2026-11-30 12:00") == 0
    assert desk.once("2026-12-05 12:00") == 3
    assert any("missed: outage, 1 since Tue 2026-12-01" in line for line in desk.said)
    assert desk.runs.ran == []


def test_only_on_its_own_day_can_it_be_called_off(desk: Desk) -> None:
    desk.clock.at("2026-11-20 08:00")
    assert desk.keeper().skip("outage").at == datetime(2026, 12, 1, 9, tzinfo=UTC)
    desk.once("2026-12-01 08:59")
    desk.once(DUE)
    assert desk.runs.ran == []
    assert desk.said[-1].endswith("called off")
    with pytest.raises(InvalidInput, match="outside the game day"):
        desk.keeper().skip("outage")


def test_a_random_moment_begins_it_within_its_hours(tmp_path: Path) -> None:
    desk = Desk(tmp_path, TEXT.replace('cron: "0 9 * * *"', 'random: {from: "09:00", to: "11:00"}'))
    keeper = desk.keeper()
    desk.clock.at("2026-11-29 23:00")
    keeper.runner = Runner(keeper.stop, play=(sys.executable, "-c", "import sys; sys.exit(1)"))
    while desk.clock.now().day != 2:
        keeper.once()
        desk.clock.sleep(240)
    begun = [one for one in keeper.log.records() if one["kind"] == "begun"]
    assert [one["due"][:10] for one in begun] == ["2026-12-01"]
    assert "09:00" <= begun[0]["due"][11:16] < "11:00"


def test_a_halt_wins(desk: Desk) -> None:
    desk.once("2026-12-01 08:59")
    (desk.folder / "state" / "halt.json").write_text('{"by": "ann", "at": "today", "why": "fire"}')
    assert desk.once(DUE) == 3
    assert desk.runs.ran == []
    assert "halted by ann at today: fire" in desk.said[-1]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('blackouts: [{date: "2026-12-01", why: feast}]', "blackout 2026-12-01: feast"),
        ('blackouts: [{command: ["true"], why: freeze}]', "exits with 0: freeze"),
        ('working_hours: {from: "10:00", to: "17:00"}', "outside working hours"),
    ],
)
def test_what_forbids_wins(tmp_path: Path, more: str, why: str) -> None:
    desk = Desk(tmp_path, f"{TEXT}{more}\n")
    desk.once(DUE)
    assert desk.runs.ran == []
    assert why in desk.said[-1]


def test_it_can_be_called_off(desk: Desk) -> None:
    desk.once("2026-12-01 08:00")
    desk.keeper().skip("outage")
    assert desk.once(DUE) == 0
    assert desk.runs.ran == []
    assert desk.said[-1].endswith("called off")


def test_a_death_in_the_middle_is_reported_with_what_goes_on(desk: Desk) -> None:
    def die() -> None:
        raise Killed

    desk.runs.during = die
    with pytest.raises(Killed):
        desk.once(DUE)
    assert desk.once("2026-12-01 09:01") == 5
    assert "cut off: outage" in desk.said[-2]
    assert desk.said[-1].endswith(f"chaoskit gameday run {desk.folder / 'gameday.yaml'}")
    assert desk.once("2026-12-01 09:02") == 0
    assert len(desk.runs.ran) == 1


def test_two_at_once_there_never_are(tmp_path: Path) -> None:
    """Neither a second of it, nor an experiment that falls due as long as it goes on."""
    every = '  - {name: hourly, run: [cache-loss.yaml], cron: "0 * * * *"}\n'
    desk = Desk(tmp_path, TEXT + every)

    def another_call() -> None:
        if desk.runs.ran[-1][1] == "gameday":
            desk.clock.sleep(2 * 3600)
            assert desk.keeper().once() == 0
            assert desk.said[-1].startswith("busy")

    desk.runs.during = another_call
    desk.once("2026-12-01 08:30")
    assert desk.once(DUE) == 3
    assert desk.runs.ran == [
        ("01 09:00", "cache-loss"), ("01 09:00", "gameday"), ("01 11:00", "cache-loss"),
    ]  # fmt: skip
    assert any("missed: hourly, 1 since Tue 2026-12-01 10:00" in line for line in desk.said)


NOTICE = 'notice: {before: 15m, webhook: "https://hooks.example.com/x"}\n'


def test_the_notice_says_what_it_is_and_where_to_go(tmp_path: Path) -> None:
    desk = Desk(tmp_path, TEXT + NOTICE)
    for at in ("2026-11-30 08:50", "2026-12-01 08:50", DUE):
        desk.once(at)
    ((_, text),) = desk.posted
    assert "will begin the game day 'The cache goes away' (outage) at Tue 2026-12-01 09:00" in text
    assert "to 12:00 Europe/Berlin, with Ada, Grace" in text
    assert f"opened on {socket.gethostname()}" in text
    assert "chaoskit gameday where gameday.yaml" in text
    assert "chaoskit schedule skip outage --file schedule.yaml" in text
    assert "The cache is lost" not in text  # a step; the day is blind
    assert desk.runs.ran == [("01 09:00", "gameday")]


def test_without_a_notice_it_does_not_begin(tmp_path: Path) -> None:
    desk = Desk(tmp_path, TEXT + NOTICE)
    desk.deaf = True
    desk.once("2026-12-01 08:50")
    assert desk.once(DUE) == 3
    assert desk.runs.ran == []
    assert "no notice of it was given" in desk.said[-1]


def test_the_calendar_has_it_to_the_end_of_its_window(desk: Desk) -> None:
    desk.clock.at(DUE)
    due = Occurrence(desk.clock.now(), "outage")
    text = calendar(desk.keeper().bound, [due], desk.clock.now())
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert event.start == desk.clock.now()
    assert f"{event.end:%H:%M} {event.end.utcoffset()}" == "11:00 0:00:00"
    assert str(event["summary"]) == "chaoskit: game day 'The cache goes away' (outage)"
    described = str(event["description"])
    assert described.startswith("Do we notice before our customers do?")
    assert "facilitator: Grace" in described
    assert "The cache is lost" not in described


def test_the_child_is_a_game_day_that_ends_by_itself(desk: Desk) -> None:
    assert PLAY[1:] == ("-m", "chaoskit", "gameday", "run", "--end-after", "10m")
    script = "import sys; sys.exit(3 if sys.argv[1].endswith('gameday.yaml') else 9)"
    keeper = desk.keeper()
    keeper.runner = Runner(StopFlag(), play=(sys.executable, "-c", script))
    desk.clock.at(DUE)
    assert keeper.once() == 3
    assert keeper.log.records()[-1]["code"] == 3


def today(folder: Path) -> None:
    """A game day that goes on now, and an entry that is due each minute of it."""
    # Where it is day: a window is of one date, and this must hold around midnight as well.
    zone = "UTC" if 6 <= datetime.now(UTC).hour < 18 else "Etc/GMT+12"
    lay(folder)
    text = (folder / "gameday.yaml").read_text().replace("Europe/Berlin", zone)
    text = text.replace("2026-12-01", str(datetime.now(ZoneInfo(zone)).date()))
    text = text.replace('{from: "10:00", to: "12:00"}', '{from: "00:00", to: "23:59"}')
    (folder / "gameday.yaml").write_text(text)
    (folder / "schedule.yaml").write_text(TEXT.replace("0 9 *", "* * *"))


def call(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command says, whatever its exit code."""
    with pytest.raises(SystemExit):
        main([*words])
    said = capsys.readouterr()
    return said.out + said.err


def test_next_and_the_calendar_tell_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    text = Path("gameday.yaml").read_text().replace("Europe/Berlin", "UTC")
    day = (datetime.now(UTC) + timedelta(days=2)).date()
    Path("gameday.yaml").write_text(text.replace("2026-12-01", str(day)))
    Path("schedule.yaml").write_text(TEXT.replace("Europe/London", "UTC").replace("0 9", "0 11"))
    coming = " ".join(call(capsys, "schedule", "next", "--days", "4").split())
    assert coming.count("outage game day: The cache goes away (to 12:00 UTC)") == 4
    assert coming.count(f"outside the game day ({day} 10:00-12:00 UTC)") == 3
    events = Calendar.from_ical(call(capsys, "schedule", "ics")).walk("VEVENT")
    assert [event.start.date() for event in events] == [day]


def test_the_real_console_is_opened_and_a_stop_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    today(tmp_path)
    monkeypatch.setenv("CHAOSKIT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "chaoskit", "schedule", "once"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as scheduler:  # fmt: skip
        assert scheduler.stdout is not None
        try:
            line = next(line for line in scheduler.stdout if line.startswith("console: "))
            assert requests.get(line.removeprefix("console: ").strip(), timeout=30).ok
            assert line == f"console: {call(capsys, 'gameday', 'where')}"
            assert call(capsys, "schedule", "once").startswith("busy")
        finally:
            scheduler.terminate()
        said, _ = scheduler.communicate()
    assert "ended: outage with exit code 130" in said
    assert scheduler.returncode == 130
    assert "no console of it is open here" in call(capsys, "gameday", "where")
