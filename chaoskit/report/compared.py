"""A comparison as people read it: in the terminal, and as Markdown for a CI job's summary.

What cannot be told is shown as loudly as a regression. It must stay light (no numpy, no plots).
"""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chaoskit.model.comparison import Change, Comparison, Told
from chaoskit.report import words

STYLES = {Told.REGRESSED: "red", Told.UNKNOWN: "yellow", Told.IMPROVED: "green", Told.NO_WORSE: ""}
SIGNS = {Told.REGRESSED: "✗", Told.UNKNOWN: "?", Told.IMPROVED: "▲", Told.NO_WORSE: "✓"}
_HEADS = ("", "Phase", "Figure", "BASE", "NEW", "Change", "Missing")
_DAY = "over a day"


def headline(found: Comparison) -> str:
    """One line that says it all: `✗ 2 regressions, 1 improvement; 5 … cannot be told`."""
    regressed, unknown = found.told(Told.REGRESSED), found.told(Told.UNKNOWN)
    sign = SIGNS[Told.REGRESSED if regressed else Told.UNKNOWN if unknown else Told.NO_WORSE]
    told = [words.count(len(regressed), "regression") if regressed else "no regression found"]
    if improved := found.told(Told.IMPROVED):
        told.append(words.count(len(improved), "improvement"))
    told.append(f"{len(found.told(Told.NO_WORSE))} no worse")
    if unknown:
        told.append(f"{len(unknown)} CANNOT BE TOLD")
    return f"{sign} {', '.join(told)}"


def method(found: Comparison) -> str:
    """What the answer rests on, in one line."""
    return (
        f"{words.count(len(found.old), 'run')} against {words.count(len(found.new), 'run')}; "
        f"margins x{found.margin_latency:g} and +{found.margin_share * 100:g}pt; planned for a "
        f"false alarm in at most {found.alpha:.0%} of comparisons of runs like these"
    )


def shown(found: Comparison, every: bool) -> list[tuple[str, list[Change]]]:
    """Rows of each condition, regressions first; what is no worse only if `every` is asked."""
    order = [told for told in SIGNS if every or told is not Told.NO_WORSE]
    conditions = dict.fromkeys(change.condition for change in found.changes)
    rows = [
        (name, [c for t in order for c in found.changes if c.condition == name and c.told is t])
        for name in conditions
    ]
    return [(name, changes) for name, changes in rows if changes]


def cells(change: Change) -> tuple[str, ...]:
    """One row without its sign."""
    figure = change.metric if change.series == words.NONE else f"{change.series} {change.metric}"
    return (
        change.phase,
        figure,
        change.old,
        change.new,
        change.change or words.NONE,
        missing(change),
    )


def missing(change: Change) -> str:
    """Seconds of this load on each side that would settle a figure, and the same in runs."""
    if change.told is not Told.UNKNOWN:
        return ""
    if change.missing is None:
        runs = "" if change.runs is None else words.count(change.runs, "run")
        return runs or (_DAY if change.change else words.NONE)
    about = words.seconds(float(f"{change.missing:.2g}"))
    return f"{about} ({words.count(change.runs or 0, 'run')})"


def print_comparison(found: Comparison, console: Console, every: bool = False) -> None:
    """Headline, method, notes, and a table for each experiment."""
    worst = next((t for t in STYLES if found.told(t)), Told.NO_WORSE)
    console.print()
    console.print(Text(headline(found), style=f"bold {STYLES[worst] or 'green'}"))
    console.print(Text(f"  {method(found)}", style="dim"))
    for note in found.notes:
        console.print(Text(f"  ! {note}", style="yellow"))
    for name, changes in shown(found, every):
        console.print(_table(name, changes))
    if shown(found, every):
        console.print(
            Text("  ".join(f"{sign} {told}" for told, sign in SIGNS.items()), style="dim")
        )


def _table(name: str, changes: Iterable[Change]) -> Table:
    table = Table(
        title=Text(name, style="bold"), title_justify="left", box=box.SIMPLE_HEAD,
        pad_edge=False, header_style="dim",
    )  # fmt: skip
    for head in _HEADS:
        table.add_column(head, overflow="fold")
    for change in changes:
        row = [Text(SIGNS[change.told], style=STYLES[change.told]), *map(Text, cells(change))]
        if change.reason and not change.change:
            row[5] = Text(change.reason, style="dim")
        table.add_row(*row)
    return table


def as_markdown(found: Comparison, every: bool = False) -> str:
    """The same as Markdown."""
    lines = [f"## {headline(found)}", "", method(found), ""]
    lines += [f"- ⚠ {_plain(note)}" for note in found.notes]
    for name, changes in shown(found, every):
        lines += ["", f"### {_plain(name)}", "", f"| {' | '.join((*_HEADS, 'Why'))} |"]
        lines.append("|---" * (len(_HEADS) + 1) + "|")
        lines += [_row(change) for change in changes]
    return "\n".join(lines).rstrip() + "\n"


def _row(change: Change) -> str:
    sign = f"{SIGNS[change.told]} {change.told}"
    return f"| {' | '.join(map(_plain, (sign, *cells(change), change.reason)))} |"


def _plain(text: str) -> str:
    """Document text in a cell: on one line, and never read as markup."""
    text = " ".join(text.split())
    for mark in "\\`*_[]|<":
        text = text.replace(mark, f"\\{mark}")
    return text
