"""What one machine can tell of one system when nothing is wrong: measured by `chaoskit calibrate`.

Figures only. This module must never hold what cannot be measured again.
"""

from __future__ import annotations

from chaoskit.model.frozen import Frozen


class Noise(Frozen):
    """A share of bad requests (0..1), and how much it wavers.

    `spread` is the standard deviation of the share over one second of load: over T seconds it is
    spread / sqrt(T). `design` is its square over what independent requests would have.
    """

    share: float
    spread: float
    design: float


class Beyond(Frozen):
    """The share of requests slower than `latency` (seconds), and how much that wavers."""

    latency: float
    noise: Noise


class SeriesCalibration(Frozen):
    """One series. `rate` in requests per second; `tail` from half of the requests downwards."""

    series: str
    rate: float
    shares: dict[str, Noise]
    tail: tuple[Beyond, ...]


class Calibration(Frozen):
    """One healthy load of `seconds`. Lateness of the load generator in seconds."""

    system: str
    runtime: str
    run: str
    at: str
    seconds: float
    lateness_p95: float | None
    lateness_p99: float
    series: tuple[SeriesCalibration, ...]

    def of(self, series: str) -> SeriesCalibration | None:
        return next((one for one in self.series if one.series == series), None)
