"""What a run shows of itself while it runs: one value, published to whoever draws it."""

from __future__ import annotations

from dataclasses import dataclass

from chaoskit.model.verdict import SeriesFigures


@dataclass(frozen=True)
class Moment:
    """One look at a running experiment; `left` and `elapsed` are seconds of the phase."""

    phase: str
    elapsed: float
    left: float | None
    figures: tuple[SeriesFigures, ...] = ()
    injected: tuple[str, ...] = ()
    note: str = ""
