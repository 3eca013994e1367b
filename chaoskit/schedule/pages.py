"""A schedule for others to read: a calendar file, and units for systemd. It must never run any."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from chaoskit.document.schedules import BoundSchedule
from chaoskit.model.experiment import Phases
from chaoskit.model.gameday import ROLES
from chaoskit.schedule.moments import Occurrence, moment
from chaoskit.schedule.notices import titled


def calendar(bound: BoundSchedule, found: Sequence[Occurrence], now: datetime) -> bytes:
    """iCalendar text (RFC 5545): one event for each occurrence.

    It is as long as an experiment's phases at most, and to the end of a game day's window.
    """
    from icalendar import Calendar, Event

    name = bound.schedule.schedule
    page = Calendar()
    page.add("prodid", "-//chaoskit//schedule//EN")
    page.add("version", "2.0")
    for occurrence in found:
        event = Event()
        # The same occurrence keeps its name in the next file, so that calendars replace it.
        event.add("uid", f"{name}-{occurrence.name}-{occurrence.at:%Y%m%dT%H%M%SZ}@chaoskit")
        event.add("dtstamp", now)
        event.add("dtstart", occurrence.at)
        event.add("dtend", _end(bound, occurrence))
        event.add("summary", f"chaoskit: {bound.hidden(titled(bound, occurrence.name))}")
        event.add("description", bound.hidden(_description(bound, occurrence.name)))
        page.add_component(event)
    return bytes(page.to_ical())


def _end(bound: BoundSchedule, occurrence: Occurrence) -> datetime:
    day = bound.gamedays.get(occurrence.name)
    if day is None:
        return occurrence.at + length(bound, occurrence.name)
    return moment(day.gameday.span[1], ZoneInfo(day.gameday.timezone))


def _description(bound: BoundSchedule, name: str) -> str:
    day = bound.gamedays.get(name)
    if day is None:
        claims = (b.experiment for b in bound.experiments[name])
        return "\n".join(f"{claim.experiment}: {claim.hypothesis}" for claim in claims)
    people = day.gameday.people
    roles = (f"{role}: {', '.join(people.of(role))}" for role in ROLES if people.of(role))
    return "\n".join([day.gameday.purpose, *roles])


def length(bound: BoundSchedule, name: str) -> timedelta:
    """How long the phases of an entry's experiments take together, at most."""
    phases = (one.experiment.phases for one in bound.experiments[name])
    return timedelta(seconds=sum(map(_seconds, phases)))


def _seconds(phases: Phases) -> float:
    recovery = phases.recovery
    return float(phases.baseline + phases.fault + recovery.within + recovery.hold)


def unit(bound: BoundSchedule, state: Path) -> str:
    """A service that runs what is due, and a timer that calls it every minute.

    A stop waits for what is in force to be put back. What the files read with `${env:NAME}` stands
    in a file of the user's, which may be missing: secrets are no business of a unit.
    """
    name = f"chaoskit-{bound.schedule.schedule}"
    return f"""\
# /etc/systemd/system/{name}.service
[Unit]
Description=chaoskit: what is due of {bound.schedule.schedule}

[Service]
Type=oneshot
WorkingDirectory={_quoted(bound.path.parent)}
# Lines NAME=value for what the files read with ${{env:NAME}}, readable by this service only.
EnvironmentFile=-/etc/chaoskit/{bound.schedule.schedule}.env
Environment={_quoted(f"CHAOSKIT_STATE={state.resolve()}")}
ExecStart={_quoted(sys.executable)} -m chaoskit schedule once --file {_quoted(bound.path)}
KillMode=mixed
TimeoutStopSec=5min

# /etc/systemd/system/{name}.timer
[Unit]
Description=chaoskit: look at {bound.schedule.schedule} every minute

[Timer]
OnCalendar=*-*-* *:*:00
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def _quoted(text: object) -> str:
    """As systemd reads it: per cent signs doubled, quotes where there are spaces."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if " " in escaped or '"' in escaped else escaped
