"""Reads one side of a comparison: run directories, folders of them, baseline files.

It must never skip a run in silence, nor judge one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from chaoskit.cli.places import find_run, shown
from chaoskit.document.baselines import load_baseline
from chaoskit.document.tree import Problems
from chaoskit.errors import ChaoskitError, DocumentError, InvalidInput
from chaoskit.model.baseline import RunSums
from chaoskit.run.history import first
from chaoskit.run.journal import NAME, read_records

VERDICT = "verdict.json"
_DEPTHS = ("", "*/", "*/*/")


def write_file(path: Path, text: str) -> None:
    """Raises InvalidInput where nothing can be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be written: {error.strerror or error}") from error


def refuse_strangers(old: Iterable[RunSums], new: Iterable[RunSums]) -> None:
    """Raises InvalidInput when no run of one side can be compared with one of the other."""
    earlier, later = ({run.condition for run in side} for side in (old, new))
    if not earlier & later:
        has = f"BASE has {', '.join(sorted(earlier))}; NEW has {', '.join(sorted(later))}"
        raise InvalidInput(f"no experiment on the same runtime is on both sides: {has}")


def read_sides(sides: Iterable[tuple[str, ...]]) -> list[list[RunSums]]:
    """The runs of each side; raises DocumentError with the problems of all files together."""
    problems = Problems()
    found = [_side(names, problems) for names in sides]
    if problems:
        raise DocumentError(problems.found)
    return found


def _side(names: tuple[str, ...], problems: Problems) -> list[RunSums]:
    runs: dict[str, RunSums] = {}
    for name in names:
        path = Path(name)
        if path.is_file():
            loaded = load_baseline(path, problems)
            read = list(loaded.runs) if loaded else []
        else:
            read = [one for folder in _folders(name) if (one := _read(folder))]
            if not read:
                raise InvalidInput(f"{name}: no run here can be compared")
        runs.update({run.run: run for run in read})
    return list(runs.values())


def _folders(name: str) -> list[Path]:
    """Run directories in `name`, judged or not, up to two folders down; else the run of that id."""
    path = Path(name)
    if not path.is_dir():
        return [find_run(name)]
    files = (f"{depth}{file}" for depth in _DEPTHS for file in (VERDICT, NAME))
    found = dict.fromkeys(p.parent for file in files for p in path.glob(file))
    if not found:
        hint = f"it holds no {VERDICT} (`chaoskit judge` makes it)"
        raise InvalidInput(f"{path}: neither a run directory nor a folder of them: {hint}")
    return sorted(found, key=lambda folder: folder.name)


def _read(folder: Path) -> RunSums | None:
    """The sums of one run; None, and it is said, where it is no run or cannot be read."""
    from chaoskit.judge.sums import sums
    from chaoskit.report.source import read_run

    if not (folder / NAME).is_file():
        click.echo(f"left out {shown(folder)}: it has no {NAME}", err=True)
        return None
    try:
        if why := _unjudged(folder):
            click.echo(f"left out {shown(folder)}: {why}", err=True)
            return None
        run = read_run(folder)
    except ChaoskitError as error:
        click.echo(f"left out {shown(folder)}: {error}", err=True)
        return None
    return sums(run.verdict, run.samples)


def _unjudged(folder: Path) -> str:
    """Why it has no verdict and must not be judged; else empty. Raises JournalError."""
    from chaoskit.report.folder import BY_HAND
    from chaoskit.run.stored import still_runs

    if (folder / VERDICT).is_file():
        return ""
    records = read_records(folder / NAME)
    if living := still_runs(records):
        return f"it {living}"
    by_hand = (first(records, "run") or {}).get("experiment") == BY_HAND
    return "faults held by hand claim nothing" if by_hand else ""
