"""Compares two fingerprints of the same points and names what differs, one sentence each."""

from __future__ import annotations

from typing import Any


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Every leaf that differs, as `web1 state: was running, is killed`."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted(before.keys() | after.keys())
        found = [
            differences(before.get(k), after.get(k), f"{path} {k}".strip())
            for k in keys
            if before.get(k) != after.get(k)
        ]
        return [line for lines in found for line in lines]
    return [] if before == after else [f"{path}: was {_word(before)}, is {_word(after)}"]


def _word(value: Any) -> str:
    return "absent" if value is None else str(value)
