"""Evidence that a fault is in force. It must never be assumed: None means «not measured»."""

from __future__ import annotations

from typing import Any

from chaoskit.model.frozen import Frozen


class Evidence(Frozen):
    """Three parts: the foreign system lists it, something crosses it, a request shows it."""

    listed: bool
    carried: bool | None = None
    felt: bool | None = None
    facts: dict[str, Any] = {}

    @property
    def in_force(self) -> bool:
        """DESIGN section 6: listed, and one of the other two."""
        return self.listed and bool(self.carried or self.felt)
