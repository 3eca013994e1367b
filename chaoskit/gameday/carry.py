"""Action items of the last game day that nobody has closed: the next one opens with them."""

from __future__ import annotations

from pathlib import Path

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.errors import InvalidInput
from chaoskit.gameday.log import SUFFIX, Entry, log_of, read_entries
from chaoskit.gameday.standing import standing


def open_actions(bound: BoundGameDay) -> tuple[Path | None, tuple[Entry, ...]]:
    """The log that was looked into (None: there is no earlier one), and its open action items.

    `carry` names the log or its game day; without it, the log beside that was entered last.
    Raises InvalidInput when `carry` names one that was never played.
    """
    log = _named(bound.carry) if bound.carry else _newest(bound.path)
    if log is None:
        return None, ()
    actions = standing(read_entries(log)).actions.values()
    return log, tuple(one.opened for one in actions if one.closed is None)


def _named(path: Path) -> Path:
    log = path if path.suffix == ".jsonl" else log_of(path)
    if not log.is_file():
        raise InvalidInput(f"carry: {path} was never played: there is no {log.name} beside it")
    return log


def _newest(own: Path) -> Path | None:
    ends = {}
    for path in own.parent.glob(f"*{SUFFIX}"):
        entries = read_entries(path)
        if path != log_of(own) and entries:
            ends[path] = entries[-1].at
    return max(ends, key=lambda path: ends[path], default=None)
