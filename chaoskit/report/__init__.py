"""From a run directory to pages: HTML, Markdown, JUnit and plots; and what the terminal shows.

It reads only the run directory, so a stored run gives the same bytes on any day. It must never
judge, and it must never look at the clock. Imports inside are lazy: the terminal needs no plots.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(run_dir: Path) -> Path:
    """Write report.html, report.md, junit.xml and the plots into `run_dir`; the page's path.

    Raises ChaoskitError when verdict.json is missing or a file of the run cannot be read.
    """
    from chaoskit.report.pages import write

    return write(run_dir)
