"""What a person types to put a program back: supervisorctl, and SIGCONT for its whole tree.

The commands need nothing but supervisorctl, a shell, awk and `/proc`. It must never signal
anybody outside the tree of the program.
"""

from __future__ import annotations

import shlex

from chaoskit.ports import Json, NodeState
from chaoskit.world.proxied_by_hand import link_by_hand

# `trees.tree_of` in awk: children, and whoever is in a group or session that one of them leads.
# A program that is down has no pid above 1: then nobody is named.
_TREE = (
    '{pid = $1; sub(/.*[)] /, ""); up[pid] = $2; group[pid] = $3; session[pid] = $4} '
    "END {if (root + 0 <= 1) exit; tree[root + 0]; "
    "do {more = 0; for (p in up) if (!(p in tree) && "
    "(up[p] in tree || group[p] in tree || session[p] in tree)) {tree[p]; more = 1}} "
    "while (more); for (p in tree) print p}"
)


def local_by_hand(description: Json, undo: Json) -> tuple[str, ...]:
    """A line that lets every process of the tree go on, and `supervisorctl start`.

    The start also arms the restart policy again. Raises KeyError for an undo that is neither
    of a node nor of a link.
    """
    if "link" in undo:
        return link_by_hand(description, undo)
    control = f"supervisorctl -s {shlex.quote('unix://' + description['supervisor'])}"
    program = shlex.quote(f"{description['system']}:{undo['node']}")
    thaw = (
        f"for p in $(cat /proc/[0-9]*/stat 2>/dev/null | "
        f"awk -v root=\"$({control} pid {program})\" '{_TREE}'); do kill -CONT $p; done"
    )
    start = f"{control} start {program}"
    # What was cut short while it was taking the program down may have left it frozen.
    return (thaw,) if undo.get("wanted") == NodeState.FROZEN else (thaw, start)
