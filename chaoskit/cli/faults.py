"""`chaoskit faults`: the catalogue, from the registry and the faults' own words."""

from __future__ import annotations

import inspect

import click

from chaoskit.faults import FaultKind, all_faults, find


@click.command("faults")
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """Show the catalogue of faults, or all about the fault NAME."""
    if name:
        _one(find(name))
        return 0
    for kind in all_faults():
        click.echo(f"{kind.name:<10} {kind.point:<5} {kind.trouble:<12} {kind.summary}")
    return 0


def _one(kind: FaultKind) -> None:
    click.echo(f"{kind.name}: {inspect.cleandoc(kind.spec.__doc__ or '')}\n")
    click.echo(f"  point    {kind.point}\n  trouble  {kind.trouble}\n  shape    {kind.shape}")
    click.echo(f"  needs    {kind.needs}")
    for name, field in kind.spec.model_fields.items():
        wanted = "required" if field.is_required() else f"default {field.default}"
        noun = getattr(field.annotation, "__name__", str(field.annotation))
        click.echo(f"  {name:<8} {noun} ({wanted})")
