"""Both ends of the proxy benchmark: an upstream as a process, and what a client measures.

    python benchmarks/proxy_ends.py      # the upstream: prints the ports of echo and source

It must never be slower than what stands between the ends; `proxy.py` says how that is checked.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

LARGE = 1 << 20
WARM_UP = 0.2  # seconds of bulk that are not counted: windows open, heaps grow
Place = tuple[str, int]


def line_to(place: Place) -> socket.socket:
    line = socket.create_connection(place, 20)
    line.settimeout(None)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def round_trips(place: Place, size: int, count: int) -> list[float]:
    """Seconds of each echo of `size` bytes, one after the other over one connection."""
    with line_to(place) as line:
        _trips(line, size, count // 10)
        return _trips(line, size, count)


def _trips(line: socket.socket, size: int, count: int) -> list[float]:
    load, into, found = b"x" * size, bytearray(size), []
    for _ in range(count):
        began = time.perf_counter()
        line.sendall(load)
        left = size
        while left:
            left -= _some(line.recv_into(into))
        found.append(time.perf_counter() - began)
    return found


def _some(count: int) -> int:
    if not count:
        raise ConnectionError("the other end has gone")
    return count


def bulk(place: Place, lines: int, seconds: float) -> float:
    """MB/s (of 10^6 bytes) that arrive over so many connections together."""
    counts = [0] * lines
    with ExitStack() as stack:
        made = [stack.enter_context(line_to(place)) for _ in range(lines)]
        threads = [threading.Thread(target=_drain, args=(at, made, counts)) for at in range(lines)]
        for thread in threads:
            thread.start()
        time.sleep(WARM_UP)
        before, began = sum(counts), time.perf_counter()
        time.sleep(seconds)
        after, ended = sum(counts), time.perf_counter()
        for line in made:
            line.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
    return (after - before) / (ended - began) / 1e6


def _drain(at: int, lines: list[socket.socket], counts: list[int]) -> None:
    into = bytearray(LARGE)
    with suppress(OSError):
        while count := lines[at].recv_into(into):
            counts[at] += count


def set_ups(place: Place, count: int) -> list[float]:
    """Seconds from the call of connect to the first byte back, one after the other."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        with line_to(place) as line:
            line.sendall(b"x")
            _some(len(line.recv(1)))
            found.append(time.perf_counter() - began)
    return found


def set_ups_a_second(place: Place, at_once: int, seconds: float) -> float:
    """Connections that were opened, used for one byte and closed, by so many threads."""
    until = time.perf_counter() + seconds
    counts: list[int] = []

    def work() -> None:
        count = 0
        while time.perf_counter() < until:
            count += len(set_ups(place, 1))
        counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


@contextmanager
def idle(place: Place, count: int) -> Iterator[None]:
    """So many connections, each used once, then silent."""
    with ExitStack() as stack:
        for _ in range(count):
            line = stack.enter_context(line_to(place))
            line.sendall(b"x")
            _some(len(line.recv(1)))
        yield


def paced(places: list[Place], rate: float, size: int, seconds: float) -> int:
    """Echoes of `size` bytes over each place's one connection, `rate` times a second each."""
    done = 0
    with ExitStack() as stack:
        lines = [stack.enter_context(line_to(place)) for place in places]
        began = time.perf_counter()
        while (due := began + done / (rate * len(lines))) < began + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            _trips(lines[done % len(lines)], size, 1)
            done += 1
    return done


def serve() -> None:
    """Both behaviours, until the process is ended."""
    source = socket.create_server(("127.0.0.1", 0), backlog=1024)
    echo = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(echo.getsockname()[1], source.getsockname()[1], flush=True)
    threading.Thread(target=_pour_all, args=(source,), daemon=True).start()
    _echo_all(echo)


def _echo_all(door: socket.socket) -> None:
    """One loop without threads: a connection costs it next to nothing."""
    poll, into = select.epoll(), memoryview(bytearray(LARGE))
    lines: dict[int, socket.socket] = {}
    poll.register(door, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == door.fileno():
                line, _ = door.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                lines[line.fileno()] = line
                poll.register(line, select.EPOLLIN)
            elif not _echo(lines[number], into):
                lines.pop(number).close()


def _echo(line: socket.socket, into: memoryview) -> int:
    try:
        count = line.recv_into(into)
        line.sendall(into[:count])
    except OSError:
        return 0
    return count


def _pour_all(door: socket.socket) -> None:
    while True:
        line, _ = door.accept()
        threading.Thread(target=_pour, args=(line,), daemon=True).start()


def _pour(line: socket.socket) -> None:
    load = bytes(LARGE)
    with line, suppress(OSError):
        while True:
            line.sendall(load)


if __name__ == "__main__":
    serve()
