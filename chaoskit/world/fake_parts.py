"""The nodes and links of a fake world, with the manners of the real ones.

Killed and kept down means that the restart policy is disarmed first, and running means that it
is armed again, so a killer that died between its two steps is undone as well. A closed carrier
lets nobody in; a reset tears connections off and lets the clients come again. Steps are named for
`FakeWorld.on_call`. It must never keep state outside the world's store.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from chaoskit.errors import NotOurs, TargetError
from chaoskit.ports import Json, LinkFacts, NodeFacts, NodeState

UP = (NodeState.RUNNING, NodeState.FROZEN)
CONDITIONS = ("latency", "bandwidth", "cut", "reset")


class Stage(Protocol):
    """What a part needs of its world."""

    def state(self) -> Json:
        """All there is, as it is now; not to be changed."""

    def begin(self, call: str, *words: str) -> None:
        """A call of a port begins: it is noted, and fails or hangs where that was planned."""

    def step(self, what: str) -> AbstractContextManager[Json]:
        """One change of the state, told to `on_call` before and after."""

    def run(self, node: str, command: tuple[str, ...]) -> tuple[int, str]:
        """What `command` gives inside `node`."""


def new_node(tier: str, number: int) -> Json:
    return {
        "tier": tier, "state": str(NodeState.RUNNING), "identity": f"id-{number}",
        "incarnation": 1, "restarts": 0, "exit_code": None, "policy": True, "armed": True,
        "address": f"10.0.0.{number}", "ping": True,
    }  # fmt: skip


def new_carrier() -> Json:
    return {"enabled": True, "conditions": {}, "wanted": 0, "sessions": []}


def reconnect(state: Json, proxy: str) -> None:
    """The clients connect anew, each once, where the carrier is open."""
    carrier = state["carriers"][proxy]
    carrier["sessions"] = []
    for _ in range(carrier["wanted"] if carrier["enabled"] else 0):
        state["port"] += 1
        carrier["sessions"].append(f"10.0.1.1:{state['port']}")


def die(node: Json) -> None:
    """Its processes are gone; a restart policy that is armed has started new ones."""
    if node["policy"] and node["armed"]:
        node["incarnation"] += 1
        node["restarts"] += 1
    else:
        node.update(state=str(NodeState.KILLED), exit_code=137)


class FakeNode:
    """A node of a fake world; see `ports.Node`."""

    def __init__(self, world: Stage, name: str, tier: str) -> None:
        self.name, self.tier, self._world = name, tier, world

    def look(self) -> Json:
        found: Json | None = self._world.state()["nodes"].get(self.name)
        if found is None:
            raise NotOurs(f"node '{self.name}' is not part of this system any more")
        return found

    @property
    def _state(self) -> NodeState:
        return NodeState(self.look()["state"])

    def facts(self) -> NodeFacts:
        self._world.begin("facts", self.name)
        seen = self.look()
        return NodeFacts(
            state=NodeState(seen["state"]),
            identity=seen["identity"],
            incarnation=str(seen["incarnation"]),
            restarts=seen["restarts"],
            exit_code=seen["exit_code"],
            address=seen["address"],
        )

    def reach(self, state: NodeState, grace: float = 10.0) -> None:
        self._world.begin("reach", self.name, state)
        ways: dict[NodeState, Callable[[], None]] = {
            NodeState.RUNNING: self._run,
            NodeState.STOPPED: self._stop,
            NodeState.KILLED: self._kill,
            NodeState.FROZEN: self._freeze,
        }
        if state not in ways:
            raise TargetError(f"node '{self.name}' cannot be made {state}")
        if self._state is not state:
            ways[state]()
        elif state is NodeState.RUNNING and not self.look()["armed"]:
            self._set("arm", armed=True)

    def restart(self, grace: float = 0.0) -> None:
        self._world.begin("restart", self.name)
        self._set("stop", state=NodeState.STOPPED, exit_code=0)
        self._start()

    def crash(self) -> None:
        self._world.begin("crash", self.name)
        if self._state is NodeState.FROZEN:
            self._run()
        if self._state is not NodeState.RUNNING:
            raise TargetError(f"node '{self.name}' is {self._state}: nothing runs that could crash")
        with self._world.step(f"crash {self.name}") as state:
            die(state["nodes"][self.name])

    def answers(self, timeout: float = 1.0) -> bool | None:
        self._world.begin("answers", self.name)
        seen = self.look()
        declared: bool | None = seen["ping"]
        return declared if declared is None else declared and seen["state"] == NodeState.RUNNING

    def execute(self, command: tuple[str, ...], timeout: float = 5.0) -> tuple[int, str]:
        self._world.begin("execute", self.name, *command)
        if self._state is not NodeState.RUNNING:
            raise TargetError(f"node '{self.name}' is {self._state}: nothing can run inside it")
        return self._world.run(self.name, command)

    def _run(self) -> None:
        if self._state is NodeState.FROZEN:
            self._set("thaw", state=NodeState.RUNNING)
        else:
            self._start()

    def _start(self) -> None:
        later = self.look()["incarnation"] + 1
        self._set("start", state=NodeState.RUNNING, exit_code=None, incarnation=later, armed=True)

    def _stop(self) -> None:
        self._set("stop", state=NodeState.STOPPED, exit_code=0)

    def _kill(self) -> None:
        self._set("disarm", armed=False)
        self._set("kill", state=NodeState.KILLED, exit_code=137)

    def _freeze(self) -> None:
        if self._state not in UP:
            raise TargetError(f"node '{self.name}' is {self._state}: it cannot be frozen")
        self._set("freeze", state=NodeState.FROZEN)

    def _set(self, step: str, **fields: Any) -> None:
        with self._world.step(f"{step} {self.name}") as state:
            state["nodes"][self.name].update(fields)


class FakeLink:
    """A link of a fake world with the carriers `proxies`; see `ports.Link`."""

    def __init__(self, world: Stage, name: str, proxies: tuple[str, ...]) -> None:
        self.name, self.proxies, self._world = name, proxies, world
        self.source, self.target = (end.strip() for end in name.partition("/")[0].split("->"))

    def look(self) -> Json:
        carriers = self._world.state()["carriers"]
        return {
            proxy: {
                "enabled": carriers[proxy]["enabled"],
                "conditions": dict(carriers[proxy]["conditions"]),
            }
            for proxy in self.proxies
        }

    def survey(self) -> Json:
        self._world.begin("survey", self.name)
        return self.look()

    def impose(self, injection: str, condition: Json, expires: float | None = None) -> None:
        self._world.begin("impose", self.name, injection, condition["kind"])
        if not self.proxies:
            raise TargetError(f"link '{self.name}' has no proxy to carry a fault")
        if condition["kind"] not in CONDITIONS:
            raise TargetError(f"link '{self.name}' cannot suffer '{condition['kind']}'")
        for proxy in self.proxies:
            self._suffer(proxy, injection, condition)
        if condition["kind"] == "reset":
            self._lift_all(injection, {})

    def lift(self, injection: str, condition: Json, was: Json) -> None:
        self._world.begin("lift", self.name, injection, condition["kind"])
        self._lift_all(injection, was)

    def observe(self, injection: str, condition: Json) -> LinkFacts:
        self._world.begin("observe", self.name, injection)
        state = self._world.state()["carriers"]
        carriers = [state[proxy] for proxy in self.proxies]
        missing = [p for p in self.proxies if not _lists(state[p], injection, condition)]
        sessions = [peer for carrier in carriers for peer in carrier["sessions"]]
        return LinkFacts(
            listed=bool(carriers) and not missing,
            connections=len(sessions),
            carriers=self.proxies,
            sessions=tuple(sessions),
            missing=tuple(missing),
        )

    def _suffer(self, proxy: str, injection: str, condition: Json) -> None:
        if self._world.state()["carriers"][proxy]["conditions"].get(injection) == condition:
            return
        with self._world.step(f"impose {proxy}") as state:
            carrier = state["carriers"][proxy]
            carrier["conditions"][injection] = condition
            if condition["kind"] == "cut":
                carrier["enabled"] = False
            if condition["kind"] in ("cut", "reset"):
                reconnect(state, proxy)

    def _lift_all(self, injection: str, was: Json) -> None:
        carriers = self._world.state()["carriers"]
        for proxy in self.proxies:
            if injection in carriers[proxy]["conditions"]:
                self._lift(proxy, injection, was.get(proxy, {}).get("enabled", True))

    def _lift(self, proxy: str, injection: str, enabled: bool) -> None:
        with self._world.step(f"lift {proxy}") as state:
            carrier = state["carriers"][proxy]
            mine = carrier["conditions"].pop(injection)
            others = (other["kind"] for other in carrier["conditions"].values())
            if mine["kind"] == "cut" and "cut" not in others:
                carrier["enabled"] = enabled
                reconnect(state, proxy)


def _lists(carrier: Json, injection: str, condition: Json) -> bool:
    held = carrier["conditions"].get(injection)
    if condition["kind"] == "reset":
        return held is None
    return bool(held == condition and (condition["kind"] != "cut" or not carrier["enabled"]))
