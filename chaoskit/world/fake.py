"""A world that is only thought of: users and tests try experiments and faults against it.

It is complete (nodes, links, connections, restart policies), deterministic and quick, it can
fail on request, and with `on_disk` another process can open it. Nothing here must ever touch
a real system.

    world = FakeWorld("shop", {"web": ["web1", "web2"]}, {"web -> cache": ["web-cache"]})
    world.traffic("web -> cache", 3)                # three live connections
    world.fail_next("impose", TargetError("the proxy is gone"))
    world.on_call = lambda step: steps.append(step)  # "before kill web1", "after kill web1"

A step is one change that the foreign system would make as a whole; `on_call` may raise there,
or send SIGKILL, to see what a crash at that point leaves behind.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from chaoskit.errors import InvalidInput, NotOurs, TargetError
from chaoskit.model.system import System
from chaoskit.ports import Clock, Json
from chaoskit.world.by_hand import by_hand
from chaoskit.world.fake_parts import FakeLink, FakeNode, die, new_carrier, new_node, reconnect
from chaoskit.world.fake_run import FakeClock, FakeLoad, FakeProbe
from chaoskit.world.fake_store import Store

__all__ = ["HANG", "FakeClock", "FakeLink", "FakeLoad", "FakeNode", "FakeProbe", "FakeWorld"]
__all__ += ["open_fake"]

HANG: Literal["hang"] = "hang"
Program = Callable[[tuple[str, ...]], tuple[int, str]]


class FakeWorld:
    """A system in memory, or in the file `path` where other processes can open it too.

    `tiers` maps a tier to its nodes, `links` maps "a -> b" to its proxies. With a `clock`,
    `moments` says when each step was made. `calls` lists every call of a port with its
    arguments, such as "reach web1 killed"; `on_call` is told of each step before and after.
    """

    runtime = "fake"

    def __init__(
        self,
        system: str,
        tiers: Mapping[str, Sequence[str]],
        links: Mapping[str, Sequence[str]] | None = None,
        clock: Clock | None = None,
        path: Path | None = None,
    ) -> None:
        self._store = Store(_first(system, tiers, links or {}), path and path.absolute())
        self.system: str = self._store.look()["system"]
        self.clock = clock
        self.calls: list[str] = []
        self.moments: list[tuple[float, str]] = []
        self.on_call: Callable[[str], None] = lambda step: None
        self._planned: dict[str, deque[BaseException | str]] = defaultdict(deque)
        self._released = threading.Event()
        self._programs: dict[str, Program] = {}
        self._with_proxies: set[str] = set()

    @classmethod
    def of(cls, system: System, clock: Clock | None = None, path: Path | None = None) -> FakeWorld:
        """The world that a `system.yaml` describes, everything running."""
        tiers = {name: tier.nodes for name, tier in system.tiers.items()}
        links = {name: link.proxies for name, link in system.links.items()}
        return cls(system.system, tiers, links, clock, path)

    @classmethod
    def on_disk(cls, path: Path) -> FakeWorld:
        """Open the world kept in the file `path`; raises InvalidInput when there is none."""
        if not path.exists():
            raise InvalidInput(f"there is no fake world in {path}: make one with FakeWorld(path=…)")
        return cls("", {}, {}, path=path)

    # --- the port -----------------------------------------------------------------------------

    def describe(self) -> Json:
        """How to open it again; a world without a file can only be opened in its own process."""
        path = self._store.path
        return {"runtime": "fake", "system": self.system, "path": str(path) if path else None}

    def nodes(self) -> Mapping[str, FakeNode]:
        self.begin("nodes")
        found = self.state()["nodes"]
        return {name: FakeNode(self, name, node["tier"]) for name, node in found.items()}

    def node(self, name: str) -> FakeNode:
        found = self.state()["nodes"].get(name)
        if found is None:
            raise NotOurs(f"node '{name}' is not part of system '{self.system}'")
        return FakeNode(self, name, found["tier"])

    def link(self, name: str) -> FakeLink:
        whole, _, endpoint = (part.strip() for part in name.partition("/"))
        proxies = self.state()["links"].get(whole)
        if proxies is None:
            raise NotOurs(f"link '{name}' is not declared in system '{self.system}'")
        chosen = [p for p in proxies if not endpoint or p == endpoint or p.endswith(f"-{endpoint}")]
        if endpoint and not chosen:
            raise NotOurs(f"link '{whole}' has no proxy '{endpoint}', only: {', '.join(proxies)}")
        return FakeLink(self, name, tuple(chosen))

    def carries_proxies(self, node: str) -> bool:
        return node in self._with_proxies

    def fingerprint(self, points: Iterable[str]) -> Json:
        """States and restart policies of the nodes, carriers of the links among `points`."""
        self.begin("fingerprint")
        links = {p: self.link(p).look() for p in points if "->" in p}
        nodes = {p: self.node(p).look() for p in points if "->" not in p}
        kept = {p: {"state": n["state"], "armed": n["armed"]} for p, n in nodes.items()}
        return {"nodes": kept, "links": links}

    def by_hand(self, undo: Json) -> tuple[str, ...]:
        return by_hand(self.describe(), undo)

    def close(self) -> None:
        """Let go; calls that hang go on."""
        self.release()

    # --- for tests ----------------------------------------------------------------------------

    def traffic(self, link: str, connections: int) -> None:
        """Clients keep `connections` open on each carrier of `link` whenever it lets them."""
        with self._store.change() as state:
            for proxy in self.link(link).proxies:
                state["carriers"][proxy]["wanted"] = connections
                reconnect(state, proxy)

    def fail_next(self, call: str, how: BaseException | Literal["hang"] | None = None) -> None:
        """The next `call` (a port's method, such as "impose") raises `how`, or hangs (HANG).

        A call that hangs goes on after `release` or `close`, as a late answer does. Without
        `how` it raises TargetError.
        """
        self._planned[call].append(how or TargetError(f"planned failure of {call}"))

    def release(self) -> None:
        """Let calls that hang go on."""
        self._released.set()

    def ping(self, node: str, answer: bool | None) -> None:
        """What a running `node` answers to a ping; None: it has none declared."""
        with self._store.change() as state:
            state["nodes"][node]["ping"] = answer

    def place(self, node: str, address: str | None) -> None:
        """Where `node` is, for probes that ask real servers of a test on loopback addresses."""
        with self._store.change() as state:
            state["nodes"][node]["address"] = address

    def program(self, node: str, run: Program) -> None:
        """What `execute` on `node` gives; until then every command exits with 0."""
        self._programs[node] = run

    def put_proxies_in(self, node: str) -> None:
        """The proxies of the links run in `node`."""
        self._with_proxies.add(node)

    def crash(self, node: str) -> None:
        """Its processes die by themselves: the restart policy acts where it is armed."""
        with self._store.change() as state:
            die(state["nodes"][node])

    def without_policy(self, node: str) -> None:
        """`node` has no restart policy: when it dies it stays down."""
        with self._store.change() as state:
            state["nodes"][node]["policy"] = False

    def remove(self, node: str) -> None:
        """Somebody takes the node away: it is not ours any more."""
        with self._store.change() as state:
            del state["nodes"][node]

    def recreate(self, node: str) -> None:
        """Somebody makes the node anew: it runs, as another one, and knows of no fault."""
        with self._store.change() as state:
            fresh = new_node(state["nodes"][node]["tier"], 0)
            kept = {key: state["nodes"][node][key] for key in ("policy", "address", "ping")}
            identity = f"{state['nodes'][node]['identity']}+"
            state["nodes"][node] = fresh | kept | {"identity": identity}

    def forget(self, proxy: str) -> None:
        """The proxy starts anew: open, with no condition; its clients come again."""
        with self._store.change() as state:
            state["carriers"][proxy].update(enabled=True, conditions={})
            reconnect(state, proxy)

    # --- for the parts of this world ------------------------------------------------------------

    def state(self) -> Json:
        """All there is, as it is now; not to be changed."""
        return self._store.look()

    def begin(self, call: str, *words: str) -> None:
        """A call of a port begins: it is noted, and fails or hangs where that was planned."""
        self.calls.append(" ".join((call, *words)))
        if not self._planned[call]:
            return
        planned = self._planned[call].popleft()
        if isinstance(planned, BaseException):
            raise planned
        self._released.clear()
        self._released.wait()

    @contextmanager
    def step(self, what: str) -> Iterator[Json]:
        """One change of the state, told to `on_call` before and after."""
        self.on_call(f"before {what}")
        with self._store.change() as state:
            yield state
        if self.clock is not None:
            self.moments.append((self.clock.now(), what))
        self.on_call(f"after {what}")

    def run(self, node: str, command: tuple[str, ...]) -> tuple[int, str]:
        return self._programs[node](command) if node in self._programs else (0, "")


def _first(
    system: str, tiers: Mapping[str, Sequence[str]], links: Mapping[str, Sequence[str]]
) -> Json:
    members = [(tier, node) for tier, nodes in tiers.items() for node in nodes]
    carriers = [proxy for proxies in links.values() for proxy in proxies]
    return {
        "system": system,
        "nodes": {node: new_node(tier, n) for n, (tier, node) in enumerate(members, 1)},
        "links": {name: list(proxies) for name, proxies in links.items()},
        "carriers": {proxy: new_carrier() for proxy in carriers},
        "port": 40000,
    }


def open_fake(description: Json) -> FakeWorld:
    """The fake world of `FakeWorld.describe()`; raises InvalidInput for one without a file."""
    if not description.get("path"):
        raise InvalidInput("this fake world lived in memory only: give it a path to open it again")
    return FakeWorld.on_disk(Path(description["path"]))
