"""Feature switches: what can be turned off by hand to keep the rest alive.

Their home is the catalog's database, so that both web nodes obey the same ones; each node keeps the
last known state in memory. It must never make a request wait for the home of the switches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .failures import Full, Unavailable
from .upstream import Upstream

DEFAULTS: Mapping[str, bool] = {"recommendations": True}
EVERY = 1.0


def checked(wanted: Any) -> dict[str, bool]:
    """What someone asks for, if it is a mapping of known switches to true or false."""
    if not isinstance(wanted, dict) or not wanted:
        raise ValueError("an object of switches is needed")
    for name, state in wanted.items():
        if name not in DEFAULTS or not isinstance(state, bool):
            raise ValueError(f"{name!r}: known switches are {sorted(DEFAULTS)}, true or false")
    return dict(wanted)


class Switches:
    """The switches as this node knows them."""

    def __init__(self, home: Upstream, *, obeyed: bool = True) -> None:
        self._home = home
        self._obeyed = obeyed
        self._states = dict(DEFAULTS)

    def on(self, name: str) -> bool:
        """Whether a feature is to be offered now."""
        return self._states[name] if self._obeyed else DEFAULTS[name]

    def shown(self) -> dict[str, bool]:
        """All of them, for people."""
        return dict(self._states)

    async def turn(self, wanted: dict[str, bool]) -> str:
        """Set some, at home if it can be reached; what is degraded, if anything, is returned."""
        self._states.update(wanted)
        try:
            answer = await self._home.call("POST", "/switches", wanted)
        except (Unavailable, Full):
            return "switched on this node only"
        return "" if answer.status == 200 else "switched on this node only"

    async def follow(self) -> None:
        """Keep up with what other nodes set, for as long as the program runs."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                answer = await self._home.call("GET", "/switches")
            except (Unavailable, Full):
                continue
            if answer.status == 200 and isinstance(answer.body, dict):
                self._states.update((k, bool(v)) for k, v in answer.body.items() if k in DEFAULTS)
