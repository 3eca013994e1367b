"""What one run is given besides its plan and its target: seams, folder and stop flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chaoskit.ports import Clock, Ledger, Load
from chaoskit.run.calls import Calls, StopFlag
from chaoskit.run.journal import Journal
from chaoskit.run.live import Moment


class Guard(Protocol):
    """The watchdog as the engine sees it."""

    def alive(self) -> bool: ...


@dataclass
class Surroundings:
    """What the engine is given besides plan and target."""

    load: Load
    journal: Journal
    clock: Clock
    calls: Calls
    stop: StopFlag
    watchdog: Guard
    folder: Path
    ledger: Ledger | None = None
    halted: Callable[[], str | None] = lambda: None
    show: Callable[[Moment], None] = lambda moment: None
