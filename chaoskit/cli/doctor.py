"""`chaoskit doctor`: tries each capability for real and says which faults are possible here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.cli.opening import choose_runtime, describe, read_spec
from chaoskit.cli.places import find_system
from chaoskit.document import load_system


@click.command("doctor")
@options.system
@options.runtime
def command(system_path: Path | None, runtime: str) -> int:
    """Try what this machine can do, and say which faults are possible."""
    path = find_system(system_path)
    system = load_system(path)
    choice = choose_runtime(system, path.parent, runtime)
    click.echo(f"runtime {choice}")
    system = system.on(choice.runtime)
    spec, _ = read_spec(system, path.parent, choice.runtime)
    tried = import_module(f"chaoskit.world.{choice.runtime}.capabilities")
    found = tried.capabilities(describe(system, spec, choice.runtime))
    for one in found:
        faults = f"  ({', '.join(one.faults)})" if one.faults else ""
        click.echo(f"{'yes' if one.ok else 'NO ':<4} {one.name:<26} {one.detail}{faults}")
    return 0 if all(one.ok for one in found) else 5
