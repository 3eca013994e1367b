"""Finds what a command is about: the system file, a run directory. It must never guess twice."""

from __future__ import annotations

from pathlib import Path

from chaoskit.errors import InvalidInput

REPORTS = Path("reports")


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


def find_run(named: str | None) -> Path:
    """A run directory by path or id; without a name the newest under reports/."""
    if named and Path(named).is_dir():
        return Path(named)
    runs = sorted(REPORTS.glob("*/*/journal.jsonl"), key=lambda p: p.parent.name)
    found = [p.parent for p in runs if named is None or p.parent.name.endswith(named)]
    if not found:
        raise InvalidInput(f"no run {named or ''} under {REPORTS.resolve()}; name its directory")
    return found[-1]


def shown(path: Path) -> str:
    """The path as a person here would type it: short inside the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _file(path: Path) -> Path:
    if not path.is_file():
        raise InvalidInput(f"{path}: there is no such file")
    return path
