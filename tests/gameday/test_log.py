"""The log: nothing that was entered is lost, and what a death has torn is no line."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.document import load_gameday
from chaoskit.errors import InvalidInput, JournalError
from chaoskit.gameday.log import Entry, read_entries, seconds
from chaoskit.gameday.session import Session
from chaoskit.gameday.standing import standing
from chaoskit.run.clock import SystemClock
from tests.gameday.desk import GAMEDAY, Stage, desk, write


def begun(folder: Path) -> Path:
    """A session that is left in the middle of its first step, as by a death: its log."""
    with desk(folder, Stage()).opened() as session:
        session.say("Ada", "answer", item="1", value="yes")
        session.say("Grace", "go")
        session.begin_step("Grace")
        whole = session.log.path.read_bytes()
    path = session.log.path
    path.write_bytes(whole)
    return path


def test_every_prefix_of_a_log_can_be_resumed(tmp_path: Path) -> None:
    path = begun(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) + 1, 29):
        path.write_bytes(whole[:length])
        kept = whole[:length].count(b"\n")
        with desk(tmp_path, Stage()).opened() as session:
            entries = session.log.entries()
            assert [e.n for e in entries] == list(range(1, len(entries) + 1))
            assert sum(e.kind == "opened" for e in entries) == (2 if kept else 1)
            session.say("Donald", "note", text="here")
        assert read_entries(path)[-1].text == "here"


def test_a_log_that_is_no_longer_held_takes_nothing(tmp_path: Path) -> None:
    with desk(tmp_path, Stage()).opened() as session:
        log = session.log
    whole = log.path.read_bytes()
    with pytest.raises(JournalError, match="is not open"):
        log.append("recovered", step="1")
    assert log.path.read_bytes() == whole


def test_a_step_that_a_death_cut_off_is_told_and_may_be_begun_again(tmp_path: Path) -> None:
    begun(tmp_path)
    with desk(tmp_path, Stage()).opened() as session:
        step = session.view("Grace")["steps"][0]
        assert (step["state"], step["how"]) == ("ended", "cut-off")
        assert session.begin_step("Grace", "1").step == "1"
        assert session.view("Grace")["current"] == "1"


def test_a_step_that_was_begun_and_is_another_now_is_refused(tmp_path: Path) -> None:
    begun(tmp_path)
    changed = GAMEDAY.replace("The cache's master is killed", "Something else")
    with (
        pytest.raises(InvalidInput, match="put the agenda back"),
        desk(tmp_path, Stage(), changed).opened(),
    ):
        pass


def test_what_does_not_fit_changes_nothing() -> None:
    entries = [
        Entry(n=1, t=0, at="2026-12-01T10:00:00Z", kind="action_closed", item="A9"),
        Entry(n=2, t=1, at="2026-12-01T10:00:01Z", kind="note", text="x"),
    ]
    found = standing(entries)
    assert (found.phase, found.actions, found.steps) == ("opening", {}, {})


def test_seconds_survive_a_restart_of_the_machine() -> None:
    first = Entry(n=1, t=5000.0, at="2026-12-01T10:00:00.000Z", kind="note")
    last = Entry(n=2, t=20.0, at="2026-12-01T10:02:00.500Z", kind="note")
    assert seconds(first, last) == 120.5


def test_open_action_items_come_again_until_they_are_closed(tmp_path: Path) -> None:
    first = desk(tmp_path, Stage())
    with first.opened() as session:
        session.say("Donald", "action", text="Add an alert", owner="Linus", due="2026-12-24")
        session.say("Donald", "action", text="Write it down", owner="Ada", due="2026-12-24")
        session.say("Donald", "action_closed", item="A2")
    first.bound.path.rename(tmp_path / "first.yaml")
    first.log.path.rename(tmp_path / "first.log.jsonl")
    for _ in range(2):  # a resumed day does not take them twice
        with desk(tmp_path, Stage()).opened() as session:
            (action,) = session.view("Barbara")["actions"]
            assert (action["text"], action["owner"], action["carried"]) == (
                "Add an alert", "Linus", True,
            )  # fmt: skip


def day(folder: Path, name: str, more: str = "") -> Session:
    """One of several days in a folder; `more` is added to its file."""
    path = write(folder, GAMEDAY + more).rename(folder / f"{name}.yaml")
    return Session(load_gameday(path), Stage(), SystemClock())


def act(session: Session, text: str) -> None:
    session.say("Donald", "action", text=text, owner="Linus", due="2026-12-24")


def still_open(session: Session) -> list[str]:
    return sorted(a["text"] for a in session.view("Donald")["actions"] if not a["closed"])


def test_an_older_day_that_is_looked_at_again_takes_nothing_back(tmp_path: Path) -> None:
    with day(tmp_path, "day1").opened() as session:
        act(session, "Add an alert")
        act(session, "Write it down")
    with day(tmp_path, "day2").opened() as session:
        session.say("Donald", "action_closed", item="A1")
        act(session, "Call support")
    with day(tmp_path, "day1").opened():
        pass
    with day(tmp_path, "day3").opened() as session:
        assert still_open(session) == ["Call support", "Write it down"]


def test_what_is_said_late_on_an_older_day_counts(tmp_path: Path) -> None:
    with day(tmp_path, "day1").opened() as session:
        act(session, "Add an alert")
        act(session, "Write it down")
    with day(tmp_path, "day2").opened():
        pass
    with day(tmp_path, "day1").opened() as session:
        session.say("Donald", "action_closed", item="A1")
        act(session, "Call support")
    for name in ("day3", "day4"):  # what several days carried on is one item still
        with day(tmp_path, name).opened() as session:
            assert still_open(session) == ["Call support", "Write it down"]


def test_a_log_elsewhere_of_the_same_name_is_another(tmp_path: Path) -> None:
    last = tmp_path / "last"
    last.mkdir()
    with day(last, "gameday").opened() as session:
        act(session, "Add an alert")
    with day(tmp_path, "gameday").opened() as session:
        act(session, "Write it down")
        session.say("Donald", "action_closed", item="A1")
    with day(tmp_path, "day2", "carry: last/gameday.yaml\n").opened():
        pass
    with day(tmp_path, "day3").opened() as session:
        assert still_open(session) == ["Add an alert"]


def test_a_day_that_was_never_played_has_nothing_to_carry(tmp_path: Path) -> None:
    (tmp_path / "last.yaml").touch()
    with (
        pytest.raises(InvalidInput, match="was never played"),
        desk(tmp_path, Stage(), GAMEDAY + "carry: last.yaml\n").opened(),
    ):
        pass
