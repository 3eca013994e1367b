"""Reads every copy back, until all are at rest and agree or the time to settle is up.

Pages by a serial number may skip a row that is committed late, so one reading proves nothing:
a copy is at rest when two readings in a row are equal, and the load must have stopped before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from chaoskit.errors import TargetError
from chaoskit.ledger.pages import Listing, Source, Unread
from chaoskit.ledger.stored import BEFORE, FOLDER, copy_file
from chaoskit.model.ledger import LedgerSpec
from chaoskit.model.system import System
from chaoskit.ports import Clock, World

READ_EVERY = 1.0
Seen = Mapping[str, Listing | Unread]


class HttpLedger:
    """One ledger of a run. Implements `ports.Ledger`. `hidden` takes secrets out of its files."""

    def __init__(
        self, name: str, spec: LedgerSpec, world: World, system: System, entry: str, clock: Clock,
        hidden: Callable[[str], str] = str,
    ) -> None:  # fmt: skip
        self.name, self._spec, self._clock = name, spec, clock
        self._sources = [Source(copy, world, system, entry) for copy in spec.copies]
        self._folder = Path()
        self._before: dict[str, Listing] = {}
        self._hidden = hidden

    def mark(self, folder: Path) -> None:
        """Keep what every copy holds now under `folder`.

        Raises TargetError where one does not answer, or is being written to by somebody else.
        """
        self._folder = folder / FOLDER
        self._folder.mkdir(exist_ok=True)
        seen, rest, _ = self._at_rest()
        for source in self._sources:
            found = seen[source.copy]
            if isinstance(found, Unread):
                raise self._unfit(f"{source.copy}: {found}")
            if not rest[source.copy]:
                raise self._unfit(f"{source.copy} is still changing; does somebody else write?")
            self._before[source.copy] = found
        try:
            kept = {s.copy: self._marked(s) for s in self._sources}
        except Unread as error:
            raise self._unfit(f"its constant: {error}") from error
        self._write(BEFORE, kept)

    def read_back(self) -> None:
        """Read all copies and keep what they hold; what cannot be read is kept as that."""
        seen, rest, readings = self._at_rest()
        for source in self._sources:
            self._keep(source, seen[source.copy], rest[source.copy], readings)

    def _at_rest(self) -> tuple[Seen, Mapping[str, bool], int]:
        """The last reading, which copies were at rest in it, and how many readings it took."""
        limit = self._clock.now() + self._spec.settle
        last: Seen = {}
        readings = 0
        while True:
            readings += 1
            seen = {source.copy: self._entries(source) for source in self._sources}
            rest = {copy: _equal(found, last.get(copy)) for copy, found in seen.items()}
            if (all(rest.values()) and _agree(seen)) or self._clock.now() >= limit:
                return seen, rest, readings
            last = seen
            self._clock.sleep(READ_EVERY)

    def _entries(self, source: Source) -> Listing | Unread:
        before = self._before.get(source.copy)
        # What was there before is passed over, unless a write may have changed it where it stands.
        position = before.position if before and not self._spec.sequenced else None
        try:
            return source.entries(self._spec.read, position)
        except Unread as error:
            return error

    def _marked(self, source: Source) -> dict[str, object]:
        listing = self._before[source.copy]
        return {
            "entries": len(listing.ids),
            "position": listing.position,
            # With a position the entries before it are not read again, so nobody has to know them.
            "ids": () if listing.position or self._spec.sequenced else listing.ids,
            "constant": self._constant(source),
        }

    def _unfit(self, why: str) -> TargetError:
        return TargetError(
            f"the ledger {self.name} cannot be marked before the run: {why}; "
            "look at `ledgers` in system.yaml"
        )

    def _keep(self, source: Source, found: Listing | Unread, rest: bool, readings: int) -> None:
        read = isinstance(found, Listing)
        why = "" if read else str(found)
        if read and not rest:
            why = f"two readings differed until {self._spec.settle} were over"
        constant = None
        try:
            constant = self._constant(source)
        except Unread as error:
            why = why or str(error)
        self._write(
            copy_file(source.copy),
            {
                "copy": source.copy,
                "read_at": self._clock.now(),
                "readings": readings,
                "settled": rest,
                "why": self._hidden(why),
                "constant": constant,
                "ids": found.ids if isinstance(found, Listing) else None,
                "sequences": found.sequences if isinstance(found, Listing) else (),
            },
        )

    def _constant(self, source: Source) -> float | None:
        return source.constant(self._spec.constant) if self._spec.constant else None

    def _write(self, name: str, content: object) -> None:
        (self._folder / name).write_text(json.dumps(content, indent=0), encoding="utf-8")


def _equal(found: Listing | Unread, before: Listing | Unread | None) -> bool:
    return isinstance(found, Listing) and found == before


def _agree(seen: Seen) -> bool:
    """Whether all copies hold the same, in whatever order."""
    held = [found.held for found in seen.values() if isinstance(found, Listing)]
    return all(each == held[0] for each in held)
