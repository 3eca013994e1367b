"""Every colour of the report, for light and for dark pages, in one table.

The hues are Okabe and Ito's, which stay apart for colour-blind readers. A colour must never be
the only sign: a word or a mark always stands beside it.
"""

from __future__ import annotations

from typing import Final

# name: (light, dark). The light values are unique, because the dark theme is found by them.
COLOURS: Final[dict[str, tuple[str, str]]] = {
    "paper": ("#ffffff", "#12161d"),
    "surface": ("#f6f7f9", "#1a202a"),
    "ink": ("#1a2330", "#e7ebf1"),
    "muted": ("#5a6676", "#9ca8b8"),
    "rule": ("#dde2e8", "#303a47"),
    "grid": ("#e9ecf0", "#262e39"),
    "fault": ("#47525f", "#aab5c3"),
    "shade": ("#eef0f3", "#212833"),
    "ok": ("#6aa9d6", "#3f7fae"),
    "degraded": ("#e69f00", "#e8ae2e"),
    "shed": ("#c678a5", "#d493ba"),
    "failed": ("#d04a02", "#ff7a36"),
    "p50": ("#7db4d8", "#4c7795"),
    "p95": ("#0068a8", "#56b4e9"),
    "p99": ("#0c2f4d", "#d3ebfb"),
    "bound": ("#a83c00", "#ff9c66"),
    "held": ("#00664c", "#4fd0a4"),
    "held-tint": ("#e5f4ee", "#10291f"),
    "violated": ("#ad3400", "#ff8d54"),
    "violated-tint": ("#fdece3", "#351b0f"),
    "inconclusive": ("#6a5400", "#e6c250"),
    "inconclusive-tint": ("#fbf3d8", "#2c260e"),
    "alarm": ("#9c2100", "#c23a0b"),
}


def colour(name: str) -> str:
    """The light value, as it stands in the plots."""
    return COLOURS[name][0]


def variables(theme: int) -> str:
    """CSS custom properties of one theme (0: light, 1: dark)."""
    return " ".join(f"--{name}: {pair[theme]};" for name, pair in COLOURS.items())


def dark_plots() -> str:
    """CSS rules that turn the light colours inside an SVG into the dark ones.

    Plots keep plain colours, so that viewers without CSS variables still draw them.
    """
    return "\n".join(
        f'svg [style*="{key}: {light}"] {{ {key}: {dark} !important }}'
        for light, dark in COLOURS.values()
        for key in ("fill", "stroke")
    )
