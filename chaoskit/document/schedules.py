"""`schedule.yaml` to a Schedule with all that its entries name, every problem at once.

It reads files and the list of time zones; it must never ask what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from chaoskit.document.binding import bind, node_at
from chaoskit.document.environment import Hiding
from chaoskit.document.files import GAMEDAY_SIGNS, SIGNS, experiment_files, has_sign
from chaoskit.document.gamedays import BoundGameDay, read_gameday
from chaoskit.document.loading import Bound, Loader, load_alone
from chaoskit.document.meeting import check_meeting
from chaoskit.document.nearest import meant
from chaoskit.document.outward import check_url, check_zone
from chaoskit.document.tree import Problems, Table
from chaoskit.model.experiment import Place
from chaoskit.model.schedule import Notice, Schedule, Slot


@dataclass(frozen=True)
class BoundSchedule(Hiding):
    """A schedule with the experiments or the game day of each entry, by the entry's name.

    `path` is absolute. `secrets` are values that came from the environment: mask them wherever
    text is shown.
    """

    schedule: Schedule
    path: Path
    experiments: dict[str, tuple[Bound, ...]]
    gamedays: dict[str, BoundGameDay] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def load_schedule(path: Path) -> BoundSchedule:
    """The schedule in `path`, or in the folder's schedule.yaml.

    Raises DocumentError with every problem of it and of all that it names.
    """
    return load_alone(path, "schedule", _read)


def _read(path: Path, tree: Table, loader: Loader) -> BoundSchedule | None:
    schedule = bind(Schedule, tree, loader.problems, called="a schedule")
    if schedule is None:
        return None
    _check(schedule, tree, loader.problems)
    entries = _Entries(path.resolve().parent, tree, loader)
    experiments: dict[str, tuple[Bound, ...]] = {}
    gamedays: dict[str, BoundGameDay] = {}
    for number, slot in enumerate(schedule.entries):
        experiments[slot.name] = entries.experiments(slot, number)
        if (day := entries.gameday(slot, number)) is not None:
            gamedays[slot.name] = day
            check_meeting(schedule, slot, day.gameday, number, tree, loader.problems)
    return BoundSchedule(schedule, path.resolve(), experiments, gamedays, loader.secrets.values)


@dataclass(frozen=True)
class _Entries:
    """Finds what the entries of a schedule in `folder` name."""

    folder: Path
    tree: Table
    loader: Loader

    def experiments(self, slot: Slot, number: int) -> tuple[Bound, ...]:
        files: list[Path] = []
        for index, name in enumerate(slot.run or ()):
            place = node_at(self.tree, ("entries", number, "run", index))[1]
            named = self.folder / name
            if not named.exists():
                self._missing(name, place)
            elif has_sign(named, GAMEDAY_SIGNS):
                said = f"'{name}' is a game day, not an experiment"
                self.loader.problems.add(place, said, f"write gameday: {name}, without 'run'")
            else:
                files += experiment_files([named], self.loader.problems)
        return tuple(bound for file in files if (bound := self.loader.load(file)))

    def gameday(self, slot: Slot, number: int) -> BoundGameDay | None:
        if slot.gameday is None:
            return None
        place = node_at(self.tree, ("entries", number, "gameday"))[1]
        named = self.folder / slot.gameday
        if not named.is_file():
            self._missing(slot.gameday, place)
        elif has_sign(named, SIGNS):
            said = f"'{slot.gameday}' is an experiment, not a game day"
            self.loader.problems.add(place, said, f"write run: [{slot.gameday}]")
        else:
            return read_gameday(named, self.loader)
        return None

    def _missing(self, name: str, place: Place) -> None:
        named = self.folder / name
        if named.is_dir():
            self.loader.problems.add(place, f"'{name}' is a folder", "name the game day's file")
            return
        known = [p.name for p in named.parent.glob("*") if p.suffix == ".yaml" or p.is_dir()]
        near = meant(named.name, known)
        hint = near[1] if near[0] else ""
        self.loader.problems.add(place, f"there is no '{name}' beside the schedule", hint)


def _check(schedule: Schedule, tree: Table, problems: Problems) -> None:
    check_zone(schedule.timezone, tree, problems)
    seen: set[str] = set()
    for number, slot in enumerate(schedule.entries):
        where = ("entries", number)
        if slot.name in seen:
            problems.add(node_at(tree, (*where, "name"))[1], f"a second entry '{slot.name}'")
        seen.add(slot.name)
        if slot.cron is not None and (said := _cron_problem(slot.cron)):
            hint = "minute hour day month weekday, such as '30 10 * * tue'"
            problems.add(node_at(tree, (*where, "cron"))[1], said, hint)
        _check_notice(slot.notice, (*where, "notice"), tree, problems)
    _check_notice(schedule.notice, ("notice",), tree, problems)
    for number, blackout in enumerate(schedule.blackouts):
        if blackout.http is not None:
            check_url(blackout.http.url, ("blackouts", number, "http", "url"), tree, problems)


def _cron_problem(text: str) -> str:
    """What is wrong with a cron expression; seconds are none of its fields."""
    from datetime import datetime

    from cronsim import CronSim, CronSimError

    if len(text.split()) != 5:
        return f"a cron expression has five fields, '{text}' has {len(text.split())}"
    try:
        next(CronSim(text, datetime(2000, 1, 1)))
    except CronSimError as error:
        return f"'{text}' is no cron expression: {str(error).lower()}"
    except StopIteration:
        return f"'{text}' never comes"
    return ""


def _check_notice(
    notice: Notice | None, where: tuple[str | int, ...], tree: Table, problems: Problems
) -> None:
    if notice is None:
        return
    check_url(notice.webhook, (*where, "webhook"), tree, problems)
    if not notice.before:
        problems.add(node_at(tree, (*where, "before"))[1], "'before' must be more than 0s")
