"""Figures as SVG text: the same bytes for the same figure, and nothing that loads anything.

It must never leave a date, a tool's address or a document type in the file.
"""

from __future__ import annotations

import io
import re
import warnings
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from chaoskit.report.palette import COLOURS, dark_plots

_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "chaoskit"}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_MARGIN = 16  # pixels around a plot that is a file of its own
_HALO = "svg text { paint-order: stroke; stroke: %s; stroke-width: 3px; stroke-linejoin: round }"


def inline(figure: Figure, name: str, title: str) -> str:
    """The `<svg>` element alone, its ids prefixed with `name`, as wide as its container."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # The viewer's fonts draw the text, so a glyph that ours lacks is no loss.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    drawn = buffer.getvalue()
    body = drawn[drawn.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', _opening(title), body, count=1)
    # A mark's style stands again where it is used; there the dark theme finds it, here it cannot.
    body = re.sub(r'(<defs>\s*<path id="[^"]*" d="[^"]*") style="[^"]*"', r"\1", body)
    # matplotlib numbers its ids from one in every file; one page holds several.
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(href="|url\()#', rf"\1#{name}-", body)
    return re.sub(r" font-family: [^;\"]*;", "", body)


def _opening(title: str) -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    label = escape(title).replace("\\", r"\\")
    return rf'<svg {names} viewBox="\1" font-family="{_FAMILY}" role="img" aria-label="{label}">'


def standalone(element: str) -> str:
    """An element from `inline` as a file of its own that follows the viewer's theme."""
    light, dark = COLOURS["paper"]
    style = (
        f"<style>svg {{ background: {light} }} {_HALO % light}\n"
        f"@media (prefers-color-scheme: dark) {{ svg {{ background: {dark} }} {_HALO % dark}\n"
        f"{dark_plots()} }}</style>"
    )
    # In a page the text around it leaves the margin; a file has to bring its own.
    padded = re.sub(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', _padded, element, count=1)
    head, _, rest = padded.partition(">")
    return f"{head}>\n{style}{rest}"


def _padded(match: re.Match[str]) -> str:
    width, height = float(match[1]) + 2 * _MARGIN, float(match[2]) + 2 * _MARGIN
    return f'viewBox="-{_MARGIN} -{_MARGIN} {width:g} {height:g}"'
