"""A game day at a desk: a file in a folder, a stage that needs no system, a session over both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from chaoskit.document.gamedays import load_gameday
from chaoskit.gameday.session import Session
from chaoskit.gameday.stage import Course, Outcome
from chaoskit.model.gameday import Check, Step
from chaoskit.run.clock import SystemClock
from chaoskit.run.live import Moment

SYSTEM = """\
system: shop
entry: {url: "http://127.0.0.1:8080"}
tiers:
  web: {layer: application, nodes: [web1, web2], redundancy: {min: 1}}
  cache: {layer: cache, nodes: [cache1, cache2], redundancy: {min: 1}, roles: {master: master}}
links:
  web -> cache: {proxies: [web-cache1]}
probes:
  master: {redis: {tier: cache, sentinels: cache, master: shop}, holders: one}
runtimes:
  local: {state: state.json}
"""
EXPERIMENT = """\
experiment: web-loss
hypothesis: One web server is enough
load: {locustfile: load.py, rate: 60/s}
steady_state: [success >= 99%, p95 < 300ms]
phases: {baseline: 10s, fault: 10s, recovery: {within: 20s}}
faults:
  - kill: {node: web1}
"""
GAMEDAY = """\
gameday: cache-day
title: The cache goes away
purpose: Do we notice before our customers do?
system: shop
date: 2026-12-01
window: {from: "10:00", to: "12:00"}
timezone: Europe/Berlin
people: {owner: Ada, facilitator: Grace, operator: [Linus], observers: [Barbara], scribe: Donald}
go_no_go:
  - ask: Is support told?
  - check: not_halted
agenda:
  - title: The cache's master is killed
    inject: {kill: {node: cache, role: master}}
    most: 10m
    expect: Pages stay, slower
  - title: One web server is lost
    experiment: web-loss.yaml
    expect: Nobody notices
  - title: What did we learn?
    discuss: Everybody says one thing
halting: [A customer calls]
"""


class Stage:
    """Needs no system: a deed lasts until it is stopped, or until `over` is set."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.why = ""
        self.missing = ""
        self.performed: list[str] = []
        self.outcome = Outcome("done")

    def check(self, check: Check) -> str:
        return self.missing

    def perform(self, number: int, step: Step, course: Course) -> Outcome:
        self.performed.append(step.title)
        course.show(Moment("fault", 1.0, 9.0))
        while not self.over.is_set() and not course.stop.kind:
            time.sleep(0.005)
        return (
            Outcome("halted", course.stop.reason) if course.stop.kind == "halted" else self.outcome
        )

    def halt(self, why: str) -> None:
        self.why = why

    def halted(self) -> str:
        return f"halted: {self.why}" if self.why else ""


def write(folder: Path, gameday: str = GAMEDAY) -> Path:
    """The files of a game day; returns its own."""
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "web-loss.yaml").write_text(EXPERIMENT)
    (folder / "load.py").touch()
    path = folder / "gameday.yaml"
    path.write_text(gameday)
    return path


def desk(folder: Path, stage: Stage, gameday: str = GAMEDAY) -> Session:
    """A session over fresh files; to be opened with `with desk(…).opened() as session:`."""
    return Session(load_gameday(write(folder, gameday)), stage, SystemClock())


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that another thread does."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.005)
