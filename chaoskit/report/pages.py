"""Writes the pages of one run: HTML, Markdown, JUnit and the plots as files.

Everything from documents is escaped here, once. It must never judge or look at the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from chaoskit.report import palette, plots, words
from chaoskit.report.buckets import fill
from chaoskit.report.frame import Mark, scene
from chaoskit.report.junit import junit
from chaoskit.report.source import Run, read_run
from chaoskit.report.svg import inline, standalone
from chaoskit.report.view import TROUBLES, view

_HERE = Path(__file__).parent
_MARKDOWN = re.compile(r"([\\`*_\[\]|~]|<(?=[A-Za-z/!?])|^#)")


@dataclass(frozen=True)
class Plot:
    """One plot as it stands in the page: for wide screens and for phones."""

    name: str
    wide: str
    narrow: str


def write(run_dir: Path) -> Path:
    """All pages into `run_dir`; the path of report.html. Raises ChaoskitError."""
    run = read_run(run_dir)
    drawn = draw(run)
    shown = {"view": view(run), "verdict": run.verdict, "words": words, "troubles": TROUBLES}
    page = run_dir / "report.html"
    for plot in drawn:
        (run_dir / f"{plot.name}.svg").write_text(standalone(plot.wide), encoding="utf-8")
    (run_dir / "junit.xml").write_bytes(junit(run.verdict))
    markdown = markdown_pages().get_template("report.md.j2").render(shown)
    (run_dir / "report.md").write_text(markdown, encoding="utf-8")
    html = html_pages().get_template("report.html.j2").render(shown, plots=drawn, style=style())
    page.write_text(html, encoding="utf-8")
    return page


def draw(
    run: Run,
    marks: tuple[Mark, ...] = (),
    names: Iterable[str] = tuple(plots.TITLES),
    prefix: str = "",
) -> tuple[Plot, ...]:
    """The plots `names`, with `marks` beside the phases; none for a run without a request.

    `prefix` keeps the plots of several runs apart in one page.
    """
    if not len(run.samples):
        return ()
    buckets = fill(run)
    seen = scene(run, float(buckets.edges[0]), float(buckets.edges[-1]))
    seen = replace(seen, phases=(*seen.phases, *marks))

    def drawn(name: str, narrow: bool) -> str:
        figure = plots.draw(name, buckets, seen, run.verdict.gates, narrow)
        mark = f"{prefix}{name}{'-narrow' if narrow else ''}"
        return inline(figure, mark, f"{plots.TITLES[name]} over time")

    return tuple(Plot(name, drawn(name, False), drawn(name, True)) for name in names)


def style() -> Markup:
    """The style sheet with both palettes in place of its two marks."""
    sheet = (_HERE / "report.css").read_text(encoding="utf-8")
    sheet = sheet.replace("/* light */", palette.variables(0))
    dark = f"{palette.variables(1)} }}\n{palette.dark_plots()}"
    return Markup(sheet.replace("/* dark */ }", dark))


def _environment(autoescape: bool, folder: Path) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


@cache  # compiling the templates costs as much as drawing a plot
def html_pages(folder: Path = _HERE) -> jinja2.Environment:
    """Templates of pages in `folder`: every text is escaped."""
    return _environment(True, folder)


@cache
def markdown_pages(folder: Path = _HERE) -> jinja2.Environment:
    """Templates of Markdown in `folder`: no text is read as markup."""
    environment = _environment(False, folder)
    environment.finalize = _plain
    environment.filters["code"] = _code
    environment.filters["verbatim"] = lambda text: Markup(_line(text))
    return environment


def _line(text: str) -> str:
    return " ".join(text.split())


def _code(text: str) -> Markup:
    """A code span that no backtick in `text` can end, and no pipe can split."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    gap = " " if longest else ""
    return Markup(f"{fence}{gap}{_line(text).replace('|', chr(92) + '|')}{gap}{fence}")


def _plain(value: object) -> object:
    """Document text inside Markdown: on one line, and never read as markup."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _MARKDOWN.sub(r"\\\1", _line(value))
