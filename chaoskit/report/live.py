"""The live panel: what a run shows of itself while it runs.

On a terminal it redraws in place; elsewhere it prints one plain line for each phase and one
every few seconds. It must never read a clock: a moment says how far its phase is.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chaoskit.model.verdict import SeriesFigures
from chaoskit.report import words
from chaoskit.run.live import Moment

_EVERY = 5.0  # seconds between plain lines within one phase


class LivePanel:
    """Draws moments as they come: `with LivePanel(console, "cache-loss") as panel: panel.show(m)`.

    Not for two threads at once.
    """

    def __init__(self, console: Console, title: str = "") -> None:
        self._console = console
        self._title = title
        # The panel goes away at the end: the verdict is what stays.
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._phase = ""
        self._printed = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, moment: Moment) -> None:
        """Draw `moment` now (terminal), or print its line when one is due."""
        if self._console.is_terminal:
            self._live.update(panel(moment, self._title), refresh=True)
        elif moment.phase != self._phase or moment.elapsed - self._printed >= _EVERY:
            self._phase, self._printed = moment.phase, moment.elapsed
            self._console.print(Text(line(moment)), soft_wrap=True)


def line(moment: Moment) -> str:
    """One plain line: phase, time, the figures of all requests, what is injected."""
    parts = [f"{moment.phase} {_clock(moment)}"]
    total = next((f for f in moment.figures if f.series == "all"), None)
    shown = (total,) if total else moment.figures
    parts += [f"{f.series} {_figures(f)}" for f in shown]
    if moment.injected:
        parts.append(f"injected: {', '.join(moment.injected)}")
    return " · ".join([*parts, moment.note] if moment.note else parts)


def panel(moment: Moment, title: str = "") -> RenderableType:
    """The whole panel for a terminal."""
    parts: list[RenderableType] = [_head(moment, title), _injected(moment)]
    if moment.figures:
        parts.append(_table(moment))
    if moment.note:
        parts.append(Text(moment.note, style="dim"))
    return Group(*parts)


def _figures(row: SeriesFigures) -> str:
    return f"{words.success(row)}, p95 {words.percentile(row, row.p95)}, {row.rate:.1f}/s"


def _clock(moment: Moment) -> str:
    if moment.left is None:
        return f"{moment.elapsed:.0f} s"
    return f"{moment.elapsed:.0f} of {moment.elapsed + moment.left:.0f} s"


def _head(moment: Moment, title: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    name = Text(f"{title} ", style="dim").append(moment.phase, style="not dim bold")
    whole = None if moment.left is None else max(moment.elapsed + moment.left, 0.001)
    bar = ProgressBar(total=whole, completed=moment.elapsed, width=32, pulse=False)
    left = _clock(moment) if moment.left is None else f"{moment.left:.0f} s left"
    grid.add_row(name, bar, Text(left, style="dim"))
    return grid


def _injected(moment: Moment) -> Text:
    if not moment.injected:
        return Text("nothing injected", style="dim")
    return Text("injected: ").append(", ".join(moment.injected), style="bold yellow")


def _table(moment: Moment) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("Request", overflow="ellipsis", max_width=40)
    for name in ("Success", "Degraded", "Failed", "p95", "Rate"):
        table.add_column(name, justify="right")
    for row in moment.figures:
        table.add_row(*_cells(row), style="red" if row.failed else "")
    return table


def _cells(row: SeriesFigures) -> tuple[Text, ...]:
    told = (
        row.series,
        words.success(row),
        words.bad_share(row.degraded, row.planned),
        words.bad_share(row.failed, row.planned),
        words.percentile(row, row.p95),
        f"{row.rate:.1f}/s",
    )
    return tuple(map(Text, told))
