"""From a run directory to pages: HTML, Markdown, JUnit and plots; and what the terminal shows.

It reads only the run directory, so a stored run gives the same bytes on any day. It must never
judge, and it must never look at the clock. Imports inside are lazy: the terminal needs no plots.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaoskit.faults import FaultKind
    from chaoskit.judge.standing import Age
    from chaoskit.model.resilience import PointKind, Resilience
    from chaoskit.model.timeline import Trouble

__all__ = ["write_report", "write_resilience"]


def write_report(run_dir: Path) -> Path:
    """Write report.html, report.md, junit.xml and the plots into `run_dir`; the page's path.

    Raises ChaoskitError when verdict.json is missing or a file of the run cannot be read.
    """
    from chaoskit.report.pages import write

    return write(run_dir)


def write_resilience(
    folder: Path, out: Path, age: Age, faults: Iterable[FaultKind]
) -> tuple[Resilience, Path]:
    """Write resilience.html, .md and .json of all runs below `folder` into `out`; the page's path.

    `faults` is the catalogue. Raises InvalidInput when no run lies below `folder`.
    """
    from chaoskit import __version__
    from chaoskit.judge.resilience import resilience
    from chaoskit.report.folder import gather
    from chaoskit.report.resilience import write

    catalogue: dict[tuple[PointKind, Trouble], tuple[str, ...]] = {}
    for kind in faults:
        point: PointKind = "link" if kind.point == "link" else "tier"
        key = (point, kind.trouble)
        catalogue[key] = (*catalogue.get(key, ()), kind.name)
    told = resilience(gather(folder, age.as_of), age, catalogue, __version__)
    return told, write(told, folder, out)
