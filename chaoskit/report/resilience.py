"""Writes the resilience report of a folder of runs: HTML, Markdown and JSON.

It is given its time, so the same runs and time give the same bytes. It must never judge.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from chaoskit.judge.standing import TROUBLES
from chaoskit.model.resilience import Downtime, PastRun, Recoveries, Resilience, SystemResilience
from chaoskit.report import balance, trends, words
from chaoskit.report.attention import Attention, attention, homeless
from chaoskit.report.pages import html_pages, markdown_pages, style
from chaoskit.report.svg import inline

NAMES = ("resilience.html", "resilience.md", "resilience.json")
MOST_RUNS = 60  # in a strip: more cannot be told apart
_SHEET = Path(__file__).parent / "resilience.css"


@dataclass(frozen=True)
class Trend:
    """One failure point's recoveries, drawn."""

    told: Recoveries
    svg: Markup


@dataclass(frozen=True)
class Part:
    """One system as the templates need it, beside its figures."""

    told: SystemResilience
    trends: tuple[Trend, ...]
    shapes: tuple[tuple[str, str], ...]
    total: Downtime
    attention: tuple[Attention, ...]


def write(told: Resilience, folder: Path, out: Path) -> Path:
    """The three pages into `out`, which is made; the path of the first.

    Links lead from there to the pages of the runs in `folder`.
    """
    out.mkdir(parents=True, exist_ok=True)

    def link(run: PastRun) -> str:
        return _link(folder / run.folder, out) if run.page else ""

    shown = {
        "told": told, "words": words, "balance": balance, "troubles": TROUBLES, "link": link,
        "most": MOST_RUNS, "homeless": tuple(homeless(told)),
        "parts": [_part(system, told, number) for number, system in enumerate(told.systems, 1)],
    }  # fmt: skip
    sheet = style() + Markup(_SHEET.read_text(encoding="utf-8"))
    page, markdown, figures = (out / name for name in NAMES)
    html = html_pages().get_template("resilience.html.j2").render(shown, style=sheet)
    page.write_text(html, encoding="utf-8")
    text = markdown_pages().get_template("resilience.md.j2").render(shown)
    markdown.write_text(text, encoding="utf-8")
    figures.write_text(told.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return page


def _part(system: SystemResilience, told: Resilience, number: int) -> Part:
    runtimes = list(dict.fromkeys(r.runtime for p in system.recoveries for r in p.runs))
    drawn = [p for p in system.recoveries if p.runs]
    return Part(
        told=system,
        trends=tuple(
            Trend(point, _drawn(point, runtimes, f"system{number}-point{index}"))
            for index, point in enumerate(drawn, 1)
        ),
        shapes=tuple(zip(runtimes, (sign for _, sign in cycle(trends.SHAPES)), strict=False)),
        total=balance.total(system.downtime),
        attention=tuple(attention(system, told.left_out)),
    )


def _drawn(point: Recoveries, runtimes: list[str], name: str) -> Markup:
    title = f"Seconds to recover of {point.point}, run after run"
    return Markup(inline(trends.draw(point, runtimes), name, title))


def _link(run: Path, out: Path) -> str:
    """The run's page, relative to the report's."""
    return quote(Path(os.path.relpath(run / "report.html", out)).as_posix())
