"""Running one program of the shop: logging, listening, background work, a prompt end.

It must never swallow a background task that died: the program ends, and its keeper restarts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiohttp import web as http

from .settings import Settings

LOG = logging.getLogger("shop")
Work = Callable[[], Coroutine[Any, Any, None]]


def in_background(application: http.Application, *work: Work) -> None:
    """Have coroutines run for as long as the application serves."""

    async def hold(_: http.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one()) for one in work]
        for task in tasks:
            task.add_done_callback(_end_if_dead)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    application.cleanup_ctx.append(hold)


def _end_if_dead(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        LOG.critical("background work died: %r", error)
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_soon(_exit)


def _exit() -> None:
    raise http.GracefulExit


def run(build: Callable[[Settings], http.Application], settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get a moment to finish."""
    form = f"%(asctime)s {settings.node} %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stdout)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        application = build(settings)
    except ValueError as mistake:
        sys.exit(f"shop: {mistake}")
    absent = ", ".join(sorted(settings.without)) or "nothing"
    LOG.info("listening on %s:%d, without: %s", settings.host, settings.port, absent)
    http.run_app(
        application,
        host=settings.host,
        port=settings.port,
        shutdown_timeout=0.3,
        access_log=None,
        print=lambda *_: None,
    )
