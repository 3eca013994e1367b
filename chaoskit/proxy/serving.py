"""The whole server: proxies and their API on one loop, from start to end.

It listens where it is told and on loopback by default; whoever reaches the API can cut every
link. It must never outlive its stop, nor wait for anybody then.
"""

from __future__ import annotations

import asyncio
import json
import resource
import secrets
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from chaoskit.errors import InvalidInput, TargetError
from chaoskit.proxy.addresses import join
from chaoskit.proxy.api import Api
from chaoskit.proxy.http import HttpServer
from chaoskit.proxy.server import ProxySet

HOST, PORT = "127.0.0.1", 8474


class FaultProxy:
    """One server. Without a seed it takes one by chance; `seed` says which."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = secrets.randbelow(1 << 32) if seed is None else seed
        self.url = ""

    async def start(self, host: str = HOST, port: int = PORT, proxies: Any = ()) -> None:
        """Open the proxies (Toxiproxy's JSON list), then the API; `url` says where.

        Raises InvalidInput for what is no such list, TargetError for an address in use.
        """
        self._proxies = ProxySet(str(self.seed))
        self._http = HttpServer(Api(self._proxies).answer)
        with ExitStack() as undo:
            undo.callback(self._proxies.close)
            await self._populate(list(proxies) if isinstance(proxies, tuple) else proxies)
            self.url = f"http://{join(*await self._listen(host, port))}"
            undo.pop_all()

    async def stop(self) -> None:
        self._proxies.close()
        await self._http.stop()

    async def _populate(self, wishes: Any) -> None:
        _, refusal = await self._proxies.populate(wishes)
        if refusal is not None and refusal.status == 500:
            raise TargetError(f"{refusal}; is another proxy running there?") from refusal
        if refusal is not None:
            raise InvalidInput(f"the proxies' configuration: {refusal}") from refusal

    async def _listen(self, host: str, port: int) -> tuple[str, int]:
        try:
            return await self._http.start(host, port)
        except OSError as error:
            said = error.strerror or error
            raise TargetError(
                f"cannot listen on {join(host, port)} for the API: {said}; choose another --port"
            ) from error


def read_config(path: Path) -> Any:
    """The content of a configuration file. Raises InvalidInput."""
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}") from error


def allow_connections() -> None:
    """As many descriptors as this user may have: each connection takes two, and 1024 is usual."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # where it is forbidden, what there is must do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve(
    host: str, port: int, config: Path | None, seed: int | None, say: Callable[[str], None]
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises as `FaultProxy.start`."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        loop.add_signal_handler(number, stop, code)
    allow_connections()
    server = FaultProxy(seed)
    proxies = [] if config is None else read_config(config)
    await server.start(host, port, proxies)
    count = len(proxies)
    say(f"proxy ready at {server.url}: {count} prox{'y' if count == 1 else 'ies'}, "
        f"seed {server.seed}")  # fmt: skip
    try:
        return await stopped
    finally:
        await server.stop()
