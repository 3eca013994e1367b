"""`schedule.yaml` to a Schedule with the experiments that it names, every problem at once.

It reads files and the list of time zones; it must never ask what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chaoskit.document.binding import bind, node_at
from chaoskit.document.environment import Hiding
from chaoskit.document.files import experiment_files
from chaoskit.document.loading import Bound, Loader, load_alone
from chaoskit.document.nearest import meant
from chaoskit.document.tree import Problems, Table
from chaoskit.model.schedule import Notice, Schedule, Slot


@dataclass(frozen=True)
class BoundSchedule(Hiding):
    """A schedule with the experiments of each entry, by the entry's name. `path` is absolute.

    `secrets` are values that came from the environment: mask them wherever text is shown.
    """

    schedule: Schedule
    path: Path
    experiments: dict[str, tuple[Bound, ...]]
    secrets: tuple[str, ...] = ()


def load_schedule(path: Path) -> BoundSchedule:
    """The schedule in `path`, or in the folder's schedule.yaml.

    Raises DocumentError with every problem of it and of the experiments that it names.
    """
    return load_alone(path, "schedule", _read)


def _read(path: Path, tree: Table, loader: Loader) -> BoundSchedule | None:
    schedule = bind(Schedule, tree, loader.problems, called="a schedule")
    if schedule is None:
        return None
    _check(schedule, tree, loader.problems)
    experiments = {
        slot.name: _experiments(slot, number, tree, path, loader)
        for number, slot in enumerate(schedule.entries)
    }
    return BoundSchedule(schedule, path.resolve(), experiments, loader.secrets.values)


def _experiments(
    slot: Slot, number: int, tree: Table, path: Path, loader: Loader
) -> tuple[Bound, ...]:
    files: list[Path] = []
    for index, name in enumerate(slot.run):
        named = path.resolve().parent / name
        if named.exists():
            files += experiment_files([named], loader.problems)
            continue
        place = node_at(tree, ("entries", number, "run", index))[1]
        known = [p.name for p in named.parent.glob("*") if p.suffix == ".yaml" or p.is_dir()]
        near = meant(named.name, known)
        hint = near[1] if near[0] else ""
        loader.problems.add(place, f"there is no '{name}' beside the schedule", hint)
    return tuple(bound for file in files if (bound := loader.load(file)))


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


def check_zone(name: str, tree: Table, problems: Problems) -> None:
    """The zone under `timezone` is in this machine's list."""
    from zoneinfo import available_timezones

    known = available_timezones()
    if name not in known:
        guess, hint = meant(name, known)
        hint = hint if guess else "such as Europe/Berlin"
        problems.add(node_at(tree, ("timezone",))[1], f"there is no time zone '{name}'", hint)


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


def check_url(url: str, where: tuple[str | int, ...], tree: Table, problems: Problems) -> None:
    """The text at `where` is a URL of http or https with a host."""
    node, place = node_at(tree, where)
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        fit = False
    if not fit and not getattr(node, "refused", False):
        problems.add(place, f"expected a URL that begins with http:// or https://, got '{url}'")
