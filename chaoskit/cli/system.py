"""`chaoskit system`: runs the commands that system.yaml names, and shows the strength."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from chaoskit.cli import options
from chaoskit.cli.opening import choose_runtime, open_system, read_spec
from chaoskit.cli.places import find_system
from chaoskit.document import BoundSystem, bind_system, load_system
from chaoskit.errors import TargetError


@click.command("system")
@click.argument("action", type=click.Choice(["up", "down", "status"]))
@options.system
@options.runtime
def command(action: str, system_path: Path | None, runtime: str) -> int:
    """Bring the system under test up or down, or show what is missing to full strength."""
    path = find_system(system_path)
    return _status(path, runtime) if action == "status" else _call(action, path, runtime)


def _call(action: str, path: Path, runtime: str) -> int:
    system = load_system(path)
    choice = choose_runtime(system, path.parent, runtime)
    if choice.why:
        click.echo(f"runtime {choice}", err=True)
    chosen = choice.runtime
    spec, _ = read_spec(system, path.parent, chosen)
    words = spec.up if action == "up" else spec.down
    if not words:
        raise TargetError(f"{path}: runtimes.{chosen} names no '{action}' command")
    try:
        code = subprocess.run(words, cwd=path.parent, check=False).returncode
    except OSError as error:
        raise TargetError(f"{words[0]} cannot be started: {error}") from error
    if code:
        raise TargetError(f"{' '.join(words)} ended with exit code {code}; see its words above")
    return 0


def _status(path: Path, runtime: str) -> int:
    bound = bind_system(path)
    with bound.hiding():
        return _strength(bound, path, runtime)


def _strength(bound: BoundSystem, path: Path, runtime: str) -> int:
    opened = open_system(bound.system, path.parent, runtime)
    click.echo(f"runtime      {opened.choice}")
    target = opened.target
    nodes = target.world.nodes()
    for tier, spec in target.system.tiers.items():
        states = (f"{n} {nodes[n].facts().state if n in nodes else 'absent'}" for n in spec.nodes)
        click.echo(f"{tier:<12} {', '.join(states)}")
    missing = target.missing()
    click.echo(bound.hidden(f"entry        {' '.join(opened.entries)}"))
    for sentence in missing:
        click.echo(bound.hidden(f"missing      {sentence}"))
    click.echo("not at full strength" if missing else "at full strength")
    return 5 if missing else 0
