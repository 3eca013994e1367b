"""`chaoskit doctor`: tries each capability for real and says which faults are possible here."""

from __future__ import annotations

from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.cli.opening import choose_runtime, read_spec
from chaoskit.cli.places import find_system
from chaoskit.document import load_system


@click.command("doctor")
@options.system
@options.runtime
def command(system_path: Path | None, runtime: str) -> int:
    """Try what this machine can do, and say which faults are possible."""
    from chaoskit.world.docker import docker_description
    from chaoskit.world.docker.capabilities import capabilities

    path = find_system(system_path)
    system = load_system(path)
    spec, _ = read_spec(system, path.parent, choose_runtime(system, runtime))
    found = capabilities(docker_description(system, spec))
    for one in found:
        faults = f"  ({', '.join(one.faults)})" if one.faults else ""
        click.echo(f"{'yes' if one.ok else 'NO ':<4} {one.name:<26} {one.detail}{faults}")
    return 0 if all(one.ok for one in found) else 5
