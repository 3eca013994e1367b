"""What a person types to put a container back: found by our labels, as chaoskit finds it.

It must never name a container by its name alone: a stranger may bear it.
"""

from __future__ import annotations

import shlex

from chaoskit.ports import Json, NodeState
from chaoskit.world.docker.nodes import NODE, ONE_OFF, PROJECT, SERVICE, SYSTEM
from chaoskit.world.docker.place import Place
from chaoskit.world.proxied_by_hand import link_by_hand


def docker_by_hand(description: Json, undo: Json) -> tuple[str, ...]:
    """`docker unpause`, or `docker start`, which also arms the restart policy again.

    Raises KeyError for an undo that is neither of a node nor of a link.
    """
    if "link" in undo:
        return link_by_hand(description, undo)
    # An older journal names no engine: its commands are for the shell's own.
    docker = Place.of(description).command() if description.get("engine") else "docker"
    containers = f"$({_listing(description, undo['node'], docker)})"
    verb = "unpause" if undo.get("wanted") == NodeState.FROZEN else "start"
    return (f"{docker} {verb} {containers}",)


def _listing(description: Json, node: str, docker: str) -> str:
    labels = {SYSTEM: description["system"]}
    if project := description.get("project"):
        labels[PROJECT] = project
    wanted = "".join(f" --filter {shlex.quote(f'label={k}={v}')}" for k, v in labels.items())
    # As `node_name` reads the labels: our own first, else the service of the compose file.
    fields = f'{{{{or (.Label "{NODE}") (.Label "{SERVICE}")}}}} {{{{.Label "{ONE_OFF}"}}}}'
    shown = f"{docker} ps -a{wanted} --format '{{{{.ID}}}} {fields}'"
    program = '$2 == node && $3 != "True" {print $1}'
    return f"{shown} | awk -v node={shlex.quote(node)} '{program}'"
