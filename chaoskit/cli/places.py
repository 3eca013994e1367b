"""Finds what a command is about: the system file, a run directory. It must never guess twice."""

from __future__ import annotations

from pathlib import Path

from chaoskit.errors import InvalidInput

REPORTS = Path("reports")
# What a stored run is judged from, and what it is put back from.
JUDGED = ("plan.json", "journal.jsonl")
REVERTED = ("journal.jsonl",)


def find_system(named: Path | None) -> Path:
    """`named`, else the nearest system.yaml upwards, else the only one under experiments/."""
    if named is not None:
        return _file(named / "system.yaml" if named.is_dir() else named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (found := folder / "system.yaml").is_file():
            return found
    below = sorted(here.glob("experiments/*/system.yaml"))
    if len(below) == 1:
        return below[0]
    many = f" ({', '.join(map(str, below))})" if below else ""
    raise InvalidInput(f"no single system.yaml was found from {here}{many}; name it: --system PATH")


def find_run(named: str | None, *needed: str) -> Path:
    """A run directory by path or id, or the end of one; without a name the newest under reports/.

    Raises InvalidInput where there is none or more than one, or where it lacks a file that is
    `needed`: a run that is put back is not to be guessed.
    """
    if named and Path(named).is_dir():
        return whole(Path(named), *needed)
    runs = sorted(REPORTS.glob("*/*/journal.jsonl"), key=lambda p: p.parent.name)
    found = [p.parent for p in runs if named is None or (named and p.parent.name.endswith(named))]
    if named and len(found) > 1:
        each = ", ".join(map(str, found))
        raise InvalidInput(f"{len(found)} runs end in '{named}': {each}; name one whole directory")
    if not found:
        raise InvalidInput(f"no run {named or ''} under {REPORTS.resolve()}; name its directory")
    return whole(found[-1], *needed)


def whole(folder: Path, *needed: str) -> Path:
    """`folder`; raises InvalidInput where a file that is `needed` of a run is not in it."""
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        lacks = f"it has no {' and no '.join(missing)}"
        hint = "name a run directory (reports/EXPERIMENT/ID) or a run's id; `chaoskit runs list`"
        raise InvalidInput(f"{folder}: no run, or not a whole one: {lacks}; {hint}")
    return folder


def shown(path: Path) -> str:
    """The path as a person here would type it: short inside the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _file(path: Path) -> Path:
    if not path.is_file():
        raise InvalidInput(f"{path}: there is no such file")
    return path
