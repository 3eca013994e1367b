"""Addresses as Toxiproxy writes them, looked up and dialled without ever holding up the loop.

Names are looked up in threads of their own that nobody waits for at the end: a dead name server
must never delay the API or the exit.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from typing import Any

from chaoskit.proxy.refusals import ApiRefusal

LOOKUP_TIMEOUT = 5.0
EVERYWHERE = "::"
Found = tuple[int, tuple[Any, ...]]


def split(address: str, where: str = "address") -> tuple[str, int]:
    """`host:port`, `[v6]:port` or `:port` as host and port; raises ApiRefusal (400)."""
    host, colon, text = address.rpartition(":")
    if not colon:
        raise ApiRefusal(400, f"{where} {address}: missing port in address")
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ApiRefusal(400, f"{where} {address}: invalid port '{text}', expected 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ApiRefusal(400, f"{where} {address}: write an IPv6 host as [host]:port")
    return host, int(text)


def join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def canonical(listen: str) -> str:
    """One spelling for each listen address; raises ApiRefusal (400) for what is none.

    Nothing and `:p` are `[::]:p`, all addresses of both families. Names become numbers.
    """
    host, port = split(listen, "listen") if listen else ("", 0)
    if not host:
        return join(EVERYWHERE, port)
    try:
        return join(str(ip_address(host)), port)
    except ValueError:
        pass
    try:
        found = await look_up(host, port)
    except OSError as error:
        raise ApiRefusal(400, f"listen {listen}: {error}") from error
    return join(str(found[0][1][0]), port)


def same_place(wanted: str, existing: str) -> bool:
    """Whether `existing` serves `wanted`, both canonical; port 0 asks for any port."""
    host, port = split(wanted)
    its_host, its_port = split(existing)
    return host == its_host and port in (0, its_port)


async def look_up(host: str, port: int) -> list[Found]:
    """Socket families and addresses of `host`, IPv4 first. Raises OSError."""
    try:
        number = ip_address(host)
    except ValueError:
        async with asyncio.timeout(LOOKUP_TIMEOUT):
            return await _ask_resolver(host, port)
    family = socket.AF_INET if number.version == 4 else socket.AF_INET6
    return [(family, (host, port))]


def _ask_resolver(host: str, port: int) -> asyncio.Future[list[Found]]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Found]] = loop.create_future()

    def settle(found: list[Found] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found = _resolved(host, port)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    return answer


def _resolved(host: str, port: int) -> list[Found] | OSError:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError as error:
        return OSError(f"'{host}' is no host name: {error}")
    return sorted((row[0], row[4]) for row in rows)


async def dial(upstream: str) -> socket.socket:
    """A connected socket; raises OSError. The caller sets the time limit."""
    host, port = split(upstream, "upstream")
    failure = OSError(f"{upstream}: no address")
    for family, place in await look_up(host or "127.0.0.1", port):
        try:
            return await _connected(family, place)
        except OSError as error:
            failure = error
    raise failure


async def _connected(family: int, place: tuple[Any, ...]) -> socket.socket:
    with ExitStack() as undo:
        made = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, place)
        undo.pop_all()
        return made


def listening(listen: str) -> socket.socket:
    """A listening socket at a canonical address. Raises OSError."""
    host, port = split(listen, "listen")
    if host == EVERYWHERE:
        return _bound_everywhere(port)
    return _bound(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port)


def _bound_everywhere(port: int) -> socket.socket:
    try:
        return _bound(socket.AF_INET6, EVERYWHERE, port, dual=True)
    except OSError as error:  # the kernel may lack IPv6, or have it switched off
        if error.errno == errno.EADDRINUSE:
            raise
    return _bound(socket.AF_INET, "0.0.0.0", port)


def _bound(family: int, host: str, port: int, dual: bool = False) -> socket.socket:
    with ExitStack() as undo:
        made = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if dual:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.setblocking(False)
        made.bind((host, port))
        made.listen(1024)
        undo.pop_all()
        return made
