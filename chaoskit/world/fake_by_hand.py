"""What a person types to mend a fake world on disk: the same calls of its port that a fault makes.

It must never be offered for a world in memory: that one is gone with its process.
"""

from __future__ import annotations

import shlex

from chaoskit.ports import Json


def fake_by_hand(description: Json, undo: Json) -> tuple[str, ...]:
    """One Python command; none for a world in memory.

    Raises KeyError for an undo that is neither of a node nor of a link.
    """
    if not description["path"]:
        return ()
    if "link" in undo:
        words = (undo["injection"], undo["condition"], undo["was"])
        deed = f"link({undo['link']!r}).lift({', '.join(map(repr, words))})"
    else:
        deed = f"node({undo['node']!r}).reach({undo['was']!r})"
    code = (
        "from pathlib import Path; from chaoskit.world.fake import FakeWorld; "
        f"FakeWorld.on_disk(Path({description['path']!r})).{deed}"
    )
    return (f"python3 -c {shlex.quote(code)}",)
