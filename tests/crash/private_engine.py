"""A second Docker engine, for one test alone: it may be killed without hurting anybody.

It has its own folders, its own socket, a network namespace of its own, and one image that is
copied from the engine that is there. It must never speak to that engine but to read the image, nor
run in its namespace: an engine without a bridge removes the one that it finds.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests

from chaoskit.run import processes
from chaoskit.world.docker.nodes import NODE, SYSTEM, TIER
from tests.stage import PROXY_IMAGE, eventually, lacking, need_engine

API_VERSION = "1.41"
NAME, OURS = "node1", "chaoskit-test-private"


@dataclass
class PrivateEngine:
    """A `dockerd` under `folder`, started, killed and started again."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/engine.sock"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "unshare", "--net", "dockerd", "--data-root", f"{self.folder}/data",
                    "--exec-root", f"{self.folder}/exec", "--pidfile", f"{self.folder}/pid",
                    "-H", self.host, "--bridge=none", "--iptables=false", "--live-restore",
                ],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        eventually(self._answers, within=60, what=f"the private engine ({self._last_words()})")

    def kill(self) -> None:
        """SIGKILL: what it has started lives on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        # Its containerd dies with it; where nobody buries it, the next engine would wait for it.
        pid = self.folder / "exec" / "containerd" / "containerd.pid"
        if pid.exists():
            gone = int(pid.read_text())
            eventually(lambda: processes.started(gone) is None, what="its containerd is gone")
            pid.unlink()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.host, timeout=20)

    def load(self, image: bytes) -> None:
        with closing(self.client()) as client:
            client.images.load(image)

    def run_node(self) -> None:
        """The one node: a program that does nothing but run."""
        labels = {NODE: NAME, TIER: NAME, SYSTEM: OURS}
        with closing(self.client()) as client:
            client.containers.run(
                PROXY_IMAGE, ["-host=127.0.0.1"], name=NAME, labels=labels, network="none",
                detach=True, restart_policy={"Name": "unless-stopped"},
            )  # fmt: skip

    def clear(self) -> None:
        with closing(self.client()) as client:
            for container in client.containers.list(all=True):
                container.remove(force=True)

    def unmount(self) -> None:
        """The network namespaces and layers that an engine leaves mounted behind it."""
        places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in reversed([p for p in places if p.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "--lazy", place], check=True)

    def description(self) -> dict[str, Any]:
        return {
            "runtime": "docker", "system": OURS, "project": None, "proxies": None,
            "links": {}, "pings": {}, "tiers": {NAME: NAME},
        }  # fmt: skip

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"it ended: {self._last_words()}"
        # The client drops its socket unclosed where nobody answers: ask only who listens.
        with socket.socket(socket.AF_UNIX) as line:
            if line.connect_ex(self.host.removeprefix("unix://")):
                return False
        with closing(docker.APIClient(self.host, version=API_VERSION, timeout=20)) as api:
            try:
                return bool(api.ping())
            except requests.RequestException:
                return False

    def _last_words(self) -> str:
        return " ".join((self.folder / "log").read_text(errors="replace").splitlines()[-1:])


@contextmanager
def private_engine() -> Iterator[PrivateEngine]:
    """One with its node running; all of it is gone afterwards."""
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        lacking("a private engine needs root and dockerd on this very machine")
    with closing(need_engine()) as client:
        image = b"".join(client.images.get(PROXY_IMAGE).save(named=True))
    # A short path: a socket's has room for a hundred letters.
    folder = Path(tempfile.mkdtemp(prefix="chaoskit-dockerd-"))
    made = PrivateEngine(folder)
    try:
        made.start()
        made.load(image)
        made.run_node()
        yield made
    finally:
        if made.process is not None and made.process.poll() is not None:
            made.start()
        made.clear()
        made.stop()
        made.unmount()
        shutil.rmtree(folder)
