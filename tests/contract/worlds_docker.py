"""A real world for the contract suite: a Redis behind a Toxiproxy, on a network of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from tests.contract.bench import Bench
from tests.stage import Stage, chatter, eventually, stage

NODE, LINK, PORT, LISTEN = "cache1", "app -> cache", 6379, 24001


def docker_world() -> Iterator[Bench]:
    """The bench; everything is removed when it is closed."""
    with stage(proxy=True) as made:
        made.node(NODE)
        made.link(LINK, "app-cache1", LISTEN, f"{NODE}:{PORT}")
        with made.world(**{NODE: f"redis:{PORT}"}) as world:
            eventually(lambda: world.node(NODE).answers(), what="the node")
            yield Bench(world, NODE, LINK, lambda: _traffic(made))


def _traffic(made: Stage) -> AbstractContextManager[object]:
    through, straight = made.proxy_address, made.address(made.nodes[NODE])
    return chatter((through, LISTEN), (through, LISTEN), (straight, PORT))
