"""The ends of load.py, each a process of its own: a trivial server, and Locust by itself.

    python benchmarks/load_ends.py serve                   # prints its port, answers until killed
    python benchmarks/load_ends.py loop HOST SECONDS [FOLDER]

`loop` is Locust as it comes, twenty users without a pause; with a folder each request is also
written down by chaoskit's recorder. It prints the requests made and the seconds of processor.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
USERS = 20


class Trivial(asyncio.Protocol):
    """Answers once for each empty line, which is what ends a GET."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.rest = b""

    def data_received(self, received: bytes) -> None:
        *whole, self.rest = (self.rest + received).split(b"\r\n\r\n")
        self.transport.write(ANSWER * len(whole))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Trivial, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def loop(host: str, seconds: float, folder: Path | None) -> None:
    # Locust replaces parts of the interpreter, so only this process may import it.
    from locust import FastHttpUser, task
    from locust.env import Environment

    class Caller(FastHttpUser):
        @task
        def call(self) -> None:
            self.client.get("/", name="call")

    environment = Environment(user_classes=[Caller], host=host)
    recorder = recording(environment, folder) if folder is not None else None
    runner = environment.create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    runner.spawning_greenlet.join()
    environment.stats.reset_all()
    begin = time.process_time()
    until = time.monotonic() + seconds
    import gevent

    while time.monotonic() < until:
        gevent.sleep(0.2)
        if recorder is not None:
            recorder.flush()
    used, made = time.process_time() - begin, environment.stats.total.num_requests
    print(json.dumps({"requests": made, "processor_seconds": used}), flush=True)
    runner.quit()


def recording(environment, folder: Path):
    from chaoskit.load.recorder import Recorder
    from chaoskit.model.samples import Outcome

    recorder = Recorder(folder)

    def heard(name, response_time, exception, response, **rest) -> None:
        outcome = Outcome.OK if exception is None else Outcome.FAILED
        took = response_time / 1000
        recorder.add(name, time.monotonic() - took, took, outcome, response.status_code)

    environment.events.request.add_listener(heard)
    return recorder


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve())
    else:
        _, _, host, seconds, *folder = sys.argv
        loop(host, float(seconds), Path(folder[0]) if folder else None)
