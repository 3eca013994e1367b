"""Every random choice of the proxy, from one seed and the name of what is decided.

A choice depends on nothing but its name: not on the order of connections, toxics or calls. So
the same seed gives the same choices again. It must never draw from a shared generator.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Chance:
    """One source of choices; `within` narrows it to a proxy, a connection, a toxic."""

    seed: str

    def within(self, *names: object) -> Chance:
        return Chance("/".join([self.seed, *map(str, names)]))

    def draw(self) -> float:
        """A number in [0, 1), always the same one for this name."""
        digest = hashlib.blake2b(self.seed.encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)

    def stream(self) -> random.Random:
        """A sequence of choices, always the same one for this name."""
        return random.Random(self.seed)
