"""A whole run on the fake world: ten minutes in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.judge.verdict import judge
from chaoskit.judge.writes import History
from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome
from chaoskit.model.system import System
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict
from chaoskit.ports import Answer, Ledger, NodeState
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import Calls, InlineCalls, StopFlag
from chaoskit.run.conduct import head
from chaoskit.run.engine import Engine
from chaoskit.run.feed import stored_samples
from chaoskit.run.history import read_timeline
from chaoskit.run.journal import Journal
from chaoskit.run.plan import Plan, make_plan
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeClock, FakeLoad, FakeProbe, FakeWorld

SYSTEM = System.model_validate(
    {
        "system": "shop",
        "entry": {"url": "http://127.0.0.1:1"},
        "tiers": {
            "web": {"layer": "application", "nodes": ["web1", "web2"]},
            "cache": {
                "layer": "cache",
                "nodes": ["cache1", "cache2"],
                "roles": {"master": "cache-master"},
                "ready": "cache-master",
            },
        },
        "links": {"web -> cache": {"proxies": ["web-cache1", "web-cache2"]}},
        "probes": {
            "cache-master": {"redis": {"tier": "cache", "sentinels": "cache", "master": "shop"}}
        },
    }
)


def experiment(**changes: Any) -> Experiment:
    """A small valid experiment; `changes` replace top-level keys."""
    content: dict[str, Any] = {
        "experiment": "cache-loss",
        "hypothesis": "the shop goes on",
        "load": {"locustfile": "load.py", "rate": "60/s", "timeout": "1s"},
        "steady_state": ["browse success >= 99%", "browse p95 < 300ms"],
        "phases": {
            "baseline": "20s",
            "fault": "30s",
            "recovery": {"within": "20s", "hold": "10s"},
        },
        "faults": [kill("cache", role="master")],
    }
    return Experiment.model_validate(content | changes)


def kill(node: str, **selection: Any) -> dict[str, Any]:
    return {"name": "kill", "selection": {"node": node, **selection}}


def latency(link: str, delay: str = "80ms") -> dict[str, Any]:
    return {"name": "latency", "selection": {"link": link}, "arguments": {"delay": delay}}


@dataclass
class Watch:
    """The watchdog, as the engine sees it."""

    here: bool = True

    def alive(self) -> bool:
        return self.here


@dataclass
class Scene:
    """One run to be: change its parts, then `run` it."""

    folder: Path
    plan_for: Experiment = field(default_factory=experiment)
    system: System = SYSTEM
    clock: FakeClock = field(default_factory=FakeClock)
    stop: StopFlag = field(default_factory=StopFlag)
    watch: Watch = field(default_factory=Watch)
    halted: Callable[[], str | None] = lambda: None
    master: Callable[[], Answer] | None = None
    moments: list[Any] = field(default_factory=list)
    calls: Calls | None = None
    ledger: Ledger | None = None
    seed: int = 7

    def __post_init__(self) -> None:
        path = self.folder / "world.json"
        self.world = FakeWorld.of(self.system, self.clock, path)
        self.world.traffic("web -> cache", 3)
        self.load = FakeLoad(self.clock, 60, {"browse": 1}, self.answer)
        self.hurts = False
        self.error: BaseException | None = None

    def answer(self, t: float, series: str) -> tuple[float, Outcome, int]:
        """The shop: it fails while the master is down, if the fault is to hurt at all."""
        down = self.world.node("cache1").facts().state != NodeState.RUNNING
        return (0.02, Outcome.FAILED, 503) if down and self.hurts else (0.02, Outcome.OK, 200)

    def _master(self) -> Answer:
        if self.master is not None:
            return self.master()
        up = self.world.node("cache1").facts().state == NodeState.RUNNING
        return Answer(up, ("cache1",), "" if up else "the old master is down")

    @property
    def target(self) -> Target:
        return Target(self.system, self.world, {"cache-master": FakeProbe("m", self._master)})

    def plan(self, **wishes: Any) -> Plan:
        return make_plan(self.plan_for, self.target, run="run-1", seed=self.seed, **wishes)

    def run(self, **wishes: Any) -> Timeline:
        """Run it; `error` holds what the engine returned."""
        plan = self.plan(**wishes)
        journal = Journal(self.folder, self.clock)
        head(plan, self.world.describe(), journal)
        around = Surroundings(
            load=self.load,
            journal=journal,
            clock=self.clock,
            calls=self.calls or InlineCalls(self.clock),
            stop=self.stop,
            watchdog=self.watch,
            folder=self.folder,
            ledger=self.ledger,
            halted=self.halted,
            show=self.moments.append,
        )
        self.error = Engine(plan, self.target, around).run()
        return read_timeline(self.folder)

    def verdict(self, writes: History | None = None) -> Verdict:
        return judge(
            self.plan_for,
            read_timeline(self.folder),
            stored_samples(self.folder),
            system="shop",
            runtime="fake",
            started_at="",
            version="test",
            writes=writes,
        )

    @property
    def states(self) -> dict[str, str]:
        return {name: str(node.facts().state) for name, node in self.world.nodes().items()}
