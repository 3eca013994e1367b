"""What ends the course of a run before its time. It must never decide that anything does."""

from __future__ import annotations

from chaoskit.errors import ChaoskitError, Halted, Interrupted

_TOLD: dict[str, type[ChaoskitError]] = {
    "halted": Halted, "interrupted": Interrupted, "failed": ChaoskitError,
}  # fmt: skip


class Stopped(Exception):
    """Unwinds the course of a run; `kind` is the timeline's stop_kind."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason

    def told(self) -> ChaoskitError | None:
        """The error that the user is told; None where the verdict says all."""
        kind = _TOLD.get(self.kind)
        return None if kind is None else kind(self.reason)
