"""Writes the report of a game day: one HTML page that loads nothing, and Markdown.

What people typed is escaped here, once, by the templates' own rules. It must never judge.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.errors import ChaoskitError, InvalidInput
from chaoskit.gameday.account import Account, StepAccount, account
from chaoskit.gameday.log import log_of, read_entries
from chaoskit.gameday.times import Figure
from chaoskit.report import pages, words
from chaoskit.report.frame import Mark
from chaoskit.report.source import read_run

_HERE = Path(__file__).parent
_MARKED = ("seen", "mitigated", "note")
_MOST_MARKS = 20  # beyond them the plot's head would outgrow the plot
SIGNS = {"yes": "✓", "no": "✗", "open": "?", "held": "✓", "violated": "✗", "done": "✓"}


@dataclass(frozen=True)
class _Shown:
    """What the templates call; `folder` is where the page will lie."""

    account: Account
    folder: Path

    def sign(self, word: str) -> str:
        return SIGNS.get(word, "?")

    def time(self, at: str) -> str:
        """The time of day in UTC, with tenths of a second."""
        return at[11:21] if at else words.NONE

    def figure(self, found: Figure) -> str:
        return words.seconds(found.seconds)

    def run_page(self, step: StepAccount) -> str:
        """The way from this page to the run's own; empty where it has none."""
        if step.run is None or not (step.run / "report.html").is_file():
            return ""
        return os.path.relpath(step.run / "report.html", self.folder)

    def plots(self, step: StepAccount) -> tuple[pages.Plot, ...]:
        """Answers per second of the step's run, with what people said marked in it."""
        if step.run is None or step.verdict is None:
            return ()
        with suppress(ChaoskitError):  # a run directory that was pruned is no reason for no report
            run = read_run(step.run)
            marks = self._marks(step, run.origin, run.end)
            return pages.draw(run, marks, ("goodput",), prefix=f"step{step.id}-")
        return ()

    def _marks(self, step: StepAccount, origin: float, end: float) -> tuple[Mark, ...]:
        found = [
            Mark(e.kind if e.kind != "note" else f"note {e.n}", e.t - origin, e.t - origin)
            for e in self.account.entries
            if e.step == step.id and e.kind in _MARKED and origin <= e.t <= end
        ]
        return tuple(found[:_MOST_MARKS])


def write(bound: BoundGameDay, folder: Path | None = None) -> tuple[Path, Path]:
    """The page and the Markdown, beside the game day's file or in `folder`.

    Raises InvalidInput when the day has no log.
    """
    log = log_of(bound.path)
    entries = read_entries(log)
    if not entries:
        raise InvalidInput(f"{log}: there is no log yet; chaoskit gameday run {bound.path.name}")
    folder = folder or bound.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    found = account(bound, entries)
    shown = {"day": found, "gameday": bound.gameday, "show": _Shown(found, folder), "words": words}
    page, text = (folder / f"{bound.path.stem}.report.{kind}" for kind in ("html", "md"))
    html = pages.html_pages(_HERE).get_template("gameday.html.j2")
    page.write_text(html.render(shown, style=pages.style()), encoding="utf-8")
    markdown = pages.markdown_pages(_HERE).get_template("gameday.md.j2")
    text.write_text(markdown.render(shown), encoding="utf-8")
    return page, text
