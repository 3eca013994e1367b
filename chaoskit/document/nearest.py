"""Did you mean? The nearest known name, or the list of them when none is near."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def meant(name: str, known: Iterable[str], what: str = "known") -> tuple[str | None, str]:
    """The nearest of `known` (or None), and a suggestion in words."""
    names = sorted(dict.fromkeys(known))
    folded = {n.casefold(): n for n in reversed(names)}
    near = difflib.get_close_matches(name.casefold(), folded, 1)
    if near:
        return folded[near[0]], f"did you mean '{folded[near[0]]}'?"
    return None, f"{what}: {', '.join(names)}" if names else f"{what}: none"
