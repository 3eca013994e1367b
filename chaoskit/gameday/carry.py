"""Action items of earlier game days that nobody has closed: the next one opens with them.

Which log was entered last says nothing: a day that is only looked at again is entered, too. So
all days count, and an item that was carried on is one item, closed wherever somebody closed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.errors import InvalidInput
from chaoskit.gameday.log import SUFFIX, Entry, log_of, read_entries
from chaoskit.gameday.standing import ActionStanding, standing


def open_actions(bound: BoundGameDay) -> tuple[tuple[str, Entry], ...]:
    """Each open action item, after where it is from: its log's name and its id there.

    `carry` names the log or its game day; without it, all logs beside are joined. Raises
    InvalidInput when `carry` names one that was never played.
    """
    found = {
        f"{log.name} {id}": one
        for log in ([_named(bound.carry)] if bound.carry else _beside(bound.path))
        for id, one in standing(read_entries(log)).actions.items()
    }
    joined: dict[str, list[str]] = {}
    for place in found:
        joined.setdefault(_first(found, place), []).append(place)
    return tuple(
        (places[-1], found[places[-1]].opened)
        for places in joined.values()
        if all(found[place].closed is None for place in places)
    )


def _named(path: Path) -> Path:
    log = path if path.suffix == ".jsonl" else log_of(path)
    if not log.is_file():
        raise InvalidInput(f"carry: {path} was never played: there is no {log.name} beside it")
    return log


def _beside(own: Path) -> list[Path]:
    """The logs of other days in the same folder, in the order in which they were first opened."""
    begins = {}
    for path in own.parent.glob(f"*{SUFFIX}"):
        entries = read_entries(path)
        if path != log_of(own) and entries:
            begins[path] = entries[0].at
    return sorted(begins, key=lambda path: begins[path])


def _first(found: Mapping[str, ActionStanding], place: str) -> str:
    """Where the item was before anybody carried it on, as far as the logs are here.

    A log elsewhere may have the name of one that is here: what was carried on has the same words.
    """
    chain = [place]
    while (before := found[chain[-1]].opened.value) in found and before not in chain:
        if _words(found[before].opened) != _words(found[place].opened):
            break
        chain.append(before)
    return chain[-1]


def _words(item: Entry) -> tuple[str, str, str]:
    return item.text, item.owner, item.due
