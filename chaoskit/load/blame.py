"""Where in the user's script something was raised: one line for a message, never a traceback."""

from __future__ import annotations

import traceback
from pathlib import Path


def first_line(error: BaseException) -> str:
    """The first line of what the error says; empty when it says nothing."""
    return str(error).strip().partition("\n")[0]


def place(error: BaseException, script: str | None = None) -> str:
    """`file:line` of the innermost frame in `script`, else of the innermost frame of all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown place"
    own = [f for f in frames if script and Path(f.filename) == Path(script)]
    frame = own[-1] if own else frames[-1]
    return f"{frame.filename}:{frame.lineno}"
