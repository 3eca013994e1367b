"""Runs that were cut short on a fake world: a journal that is real, and a fault still in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chaoskit.faults import find
from chaoskit.ports import Clock, Json, World
from chaoskit.run.journal import NAME, VERSION, Journal
from chaoskit.world.fake import FakeWorld

LINK = "web -> cache"
POINTS = ["web1", "web2", LINK]
MISSING = object()
ARGUMENTS: dict[str, dict[str, Any]] = {
    "latency": {"delay": "80ms"},
    "bandwidth": {"rate": "9KB/s"},
}


def fake_world(path: Path) -> FakeWorld:
    return FakeWorld("shop", {"web": ["web1", "web2"]}, {LINK: ["c1", "c2"]}, path=path)


def leave(folder: Path, world: World, clock: Clock, *faults: tuple[str, str], **head: Any) -> Path:
    """The run directory `folder`, whose runner died with `faults` (name, point) in force."""
    folder.mkdir(parents=True)
    journal = Journal(folder, clock)
    first: Json = {"version": VERSION, "run": folder.name, "world": world.describe()}
    journal.append("run", **(first | head))
    for number, (name, point) in enumerate(faults):
        undo = announce(journal, world, clock, f"{number}-{name}", point)
        find(name).spec.inject(undo, world)
        journal.append("injected", id=f"{number}-{name}")
    return folder


def announce(
    journal: Journal, world: World, clock: Clock, name: str, point: str, lasts: float = 60.0
) -> Json:
    """The record of an injection (number-fault) that is about to be made; its undo."""
    kind = find(name.partition("-")[2])
    at = world.link(point) if kind.point == "link" else world.node(point)
    undo = kind.spec(**ARGUMENTS.get(kind.name, {})).plan(at, world, name)
    journal.append(
        "injecting", id=name, fault=kind.name, point=point, tier="web",
        trouble="unavailable", shape=kind.shape, undo=undo, deadline=clock.now() + lasts,
    )  # fmt: skip
    return undo


def rewrite(folder: Path, number: int, line: bytes) -> None:
    """Put `line` in the place of line `number` (from 0) of the journal; also while it is read."""
    path = folder / NAME
    lines = path.read_bytes().splitlines()
    lines[number] = line
    draft = path.with_suffix(".new")
    draft.write_bytes(b"\n".join(lines) + b"\n")
    draft.replace(path)


def damage(folder: Path, key: str, value: Any = MISSING) -> None:
    """Change `key` of the first injection's own record, or take it away."""
    lines = (folder / NAME).read_bytes().splitlines()
    number = next(n for n, line in enumerate(lines) if json.loads(line)["kind"] == "injecting")
    record = json.loads(lines[number])
    del record[key]
    if value is not MISSING:
        record[key] = value
    rewrite(folder, number, json.dumps(record).encode())
