"""`chaoskit proxy`: the embedded fault proxy, for systems without a Toxiproxy."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("proxy")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the API listens.")
@click.option("--port", default=8474, show_default=True, help="The API's port; 0 takes a free one.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Proxies to open: Toxiproxy's JSON list."
)
@click.option("--seed", type=int, help="Make the same random choices as a server before.")
def command(host: str, port: int, config: Path | None, seed: int | None) -> int:
    """Carry links through a proxy that speaks Toxiproxy's API, until SIGTERM."""
    import asyncio

    from chaoskit.proxy import serve

    if not 0 <= port <= 65535:
        raise click.BadParameter("0 to 65535", param_hint="--port")
    return asyncio.run(serve(host, port, config, seed, click.echo))
