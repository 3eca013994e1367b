"""A real world of processes for the contract suite: a Redis behind the embedded proxy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from tests.contract.bench import Bench
from tests.local_stage import REDIS_PORT, LocalStage, local_stage, need_own_space
from tests.stage import chatter, eventually

NODE, LINK, LISTEN = "cache1", "app -> cache", 24001


def local_world() -> Iterator[Bench]:
    """The bench; everything is gone when it is closed."""
    need_own_space()
    with local_stage() as made:
        made.redis(NODE, inside=True)
        made.link(LINK, "app-cache1", LISTEN)
        made.start()
        with made.world(**{NODE: f"redis:{REDIS_PORT}"}) as world:
            eventually(lambda: world.node(NODE).answers(), what="the node")
            yield Bench(world, NODE, LINK, lambda: _traffic(made))


def _traffic(made: LocalStage) -> AbstractContextManager[object]:
    through, straight = (made.address, LISTEN), (made.address, REDIS_PORT)
    return chatter(through, through, straight)
