"""A schedule on a desk: its file, a clock that only moves when told, and runs that only say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from chaoskit.document import load_schedule
from chaoskit.errors import ChaoskitError
from chaoskit.run.state import StateRoot
from chaoskit.schedule.keeper import Keeper
from chaoskit.schedule.outside import Look

DOCUMENTS = Path(__file__).parents[1] / "documents"
START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)  # a Monday


@dataclass
class FakeClock:
    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def at(self, text: str) -> None:
        self.time = datetime.fromisoformat(text).replace(tzinfo=UTC)


class Killed(BaseException):
    """The scheduler dies while its child runs."""


@dataclass
class FakeRuns:
    """Notes what is run; `during` happens meanwhile, and so many `minutes` go by."""

    clock: FakeClock
    code: int = 0
    during: Callable[[], None] = lambda: None
    minutes: int = 0
    ran: list[tuple[str, str]] = field(default_factory=list)

    def run(self, paths: Sequence[Path], lock: int, look: Look) -> int:
        self.ran += [(f"{self.clock.time:%d %H:%M}", path.stem) for path in paths]
        self.during()
        for _ in range(self.minutes):
            self.clock.sleep(60)
            look()
        return self.code

    def play(self, gameday: Path, lock: int, look: Look) -> int:
        return self.run([gameday], lock, look)


@dataclass
class Desk:
    folder: Path
    text: str
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[str] = field(default_factory=list)
    posted: list[tuple[str, str]] = field(default_factory=list)
    deaf: bool = False

    def __post_init__(self) -> None:
        self.runs = FakeRuns(self.clock)
        lay(self.folder)
        self.state = StateRoot(self.folder / "state")
        (self.folder / "schedule.yaml").write_text(self.text)

    def keeper(self) -> Keeper:
        load = partial(load_schedule, self.folder / "schedule.yaml")
        return Keeper(load, self.state, self.runs, self.clock, self.said.append, post=self.post)

    def once(self, at: str) -> int:
        self.clock.at(at)
        return self.keeper().once()

    def post(self, url: str, text: str) -> None:
        if self.deaf:
            raise ChaoskitError("the notice was not taken: status 500")
        self.posted.append((url, text))


def lay(folder: Path) -> None:
    """One good experiment and one game day, with what they name."""
    text = (DOCUMENTS / "good" / "cache-loss.yaml").read_text()
    (folder / "cache-loss.yaml").write_text(text.replace("../shop/", ""))
    shutil.copy(DOCUMENTS / "shop" / "system.yaml", folder)
    shutil.copy(DOCUMENTS / "shop" / "load.py", folder)
    shutil.copy(DOCUMENTS / "shop" / "gameday.yaml", folder)
