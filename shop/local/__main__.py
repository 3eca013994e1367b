"""The shop without containers: `up`, `down`, `status` (`chaoskit system up --runtime local`).

It must never report success before the standby streams, the replica is linked and every web node
answers whole; and never carry data over from a shop with other mechanisms or other code.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xmlrpc.client import Error as XmlRpcError

from services import mechanisms

from local.keeper import Keeper, configuration, own_namespaces, until
from local.layout import COMPOSE, NODE_FILES, PROXIES, SHOP, Ground, Layout, read_layout
from local.place import Place, free_ground
from local.render import Servers, write_files
from local.servers import Missing, find_servers
from local.strength import accepts, has_primary, lacking

WAIT_S = 90.0
# What must be there before the others begin: a Sentinel that finds no master looks for another
# one, and a service without its database ends.
FIRST, THEN = ("etcd", "cache", "recommend"), ("database", "sentinel", "dbproxy", "cacheproxy")


class Shop:
    """One shop as the environment names it."""

    def __init__(self) -> None:
        self.place = Place.of_environment()
        self.system = os.environ.get("SHOP_SYSTEM", "shop")
        self.without = ""
        self.keeper = Keeper(self.place, self.system)

    def say(self, text: str) -> None:
        print(f"{self.place.project}: {text}", flush=True)

    def up(self) -> int:
        begin = time.monotonic()
        self.without = ",".join(sorted(mechanisms.parse(os.environ.get("SHOP_WITHOUT", ""))))
        servers = dict(find_servers())
        if os.geteuid() == 0 and not own_namespaces():
            raise Missing(
                "this machine allows no process namespaces (user.max_user_namespaces, AppArmor?), "
                "and PostgreSQL does not run as root: run it as an ordinary user"
            )
        with self._alone():
            layout = self._ground_kept(servers) or self._ground_new(servers)
            self._start(layout)
            self._wait(layout, begin + WAIT_S)
            self._write_state(layout)
        left_out = f" (without {self.without})" if self.without else ""
        entry = layout.entries(self._out)[0]
        self.say(f"at full strength after {time.monotonic() - begin:.0f} s: {entry}{left_out}")
        return 0

    def down(self) -> int:
        with self._alone():
            self._clear()
        self.say("down")
        return 0

    def status(self) -> int:
        layout = self._layout_kept()
        if layout is None or not self.keeper.answers():
            self.say("down")
            return 1
        self.without = layout.without
        for name, state in sorted(self.keeper.states().items()):
            print(f"{name:<14} {state.lower()}")
        lacks = lacking(layout, self._out)
        for line in lacks:
            print(f"lacks: {line}")
        if not lacks:
            self.say(f"at full strength: {layout.entries(self._out)[0]}")
        return 1 if lacks else 0

    @property
    def _out(self) -> frozenset[str]:
        return mechanisms.parse(self.without)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time: two that start at once would choose the same ground."""
        self.place.root.mkdir(parents=True, exist_ok=True)
        with (self.place.root / "local.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _made_from(self, servers: Servers) -> str:
        """A digest of all that the shop is made from: code, mechanisms, servers."""
        sources = [COMPOSE, PROXIES, *NODE_FILES.iterdir(), *SHOP.glob("local/*.py")]
        sources += SHOP.glob("services/*.py")
        digest = hashlib.sha256(repr((self.without, self.system, sorted(servers.items()))).encode())
        for source in sorted(sources):
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def _layout_kept(self) -> Layout | None:
        try:
            kept = json.loads((self.place.folder / "ground.json").read_text())
        except (OSError, ValueError):
            return None
        ports = {int(declared): real for declared, real in kept["ports"].items()}
        return read_layout(Ground(kept["net"], ports), kept["without"])

    def _ground_kept(self, servers: Servers) -> Layout | None:
        """The shop that is there, when it is this one; started again where it was killed."""
        made, layout = self.place.folder / "made-from", self._layout_kept()
        if layout is None or not made.is_file():
            return None
        if made.read_text() != self._made_from(servers):
            self.say("it runs with other mechanisms or other code: starting from a clean state")
            return None
        if not self.keeper.answers():
            self.say("its supervisord is gone: starting it again")
            self.keeper.end()
            self.keeper.start(servers)
        return layout

    def _ground_new(self, servers: Servers) -> Layout:
        self._clear()
        self.place.folder.mkdir(parents=True, mode=0o700)
        trial = read_layout(Ground("127.77.0", {}), "")
        lasts = [int(address.rpartition(".")[2]) for address in trial.addresses.values()]
        ports = [int(proxy["listen"].rpartition(":")[2]) for proxy in trial.proxies]
        ground = free_ground(str(self.place.folder), lasts, ports)
        for declared, real in ground.ports.items():
            self.say(f"port {declared} is taken on every address: using {real} instead")
        layout = read_layout(ground, self.without)
        write_files(layout, self.place, servers)
        file = configuration(layout, self.place, servers, self.system)
        (self.place.folder / "supervisord.conf").write_text(file)
        kept = {"net": ground.net, "ports": dict(ground.ports), "without": self.without}
        (self.place.folder / "ground.json").write_text(json.dumps(kept))
        self.keeper.start(servers)
        (self.place.folder / "made-from").write_text(self._made_from(servers))
        return layout

    def _start(self, layout: Layout) -> None:
        tiers: dict[str, list[str]] = {}
        for node in layout.nodes:
            tiers.setdefault(node.tier, []).append(node.name)
        self.keeper.run("fault-proxy", *(n for tier in FIRST for n in tiers[tier]))
        until("etcd and the caches listen", lambda: self._listen(layout, FIRST), 20.0)
        self.keeper.run(*(n for tier in THEN for n in tiers[tier]))
        until("the database has a primary", lambda: has_primary(layout), 45.0)
        rest = [tier for tier in tiers if tier not in (*FIRST, *THEN)]
        self.keeper.run(*(n for tier in rest for n in tiers[tier]))

    def _wait(self, layout: Layout, limit: float) -> None:
        before: list[str] = []
        while now := lacking(layout, self._out):
            if time.monotonic() > limit:
                raise OSError(f"after {WAIT_S:g} s it still lacks: {', '.join(now)}")
            if now != before:
                self.say(f"waiting for: {', '.join(now)}")
            before = now
            time.sleep(0.3)

    def _write_state(self, layout: Layout) -> None:
        """Moved into place, so that a reader sees the whole file or none."""
        entries = layout.entries(self._out)
        content = {
            "system": self.system,
            "runtime": "local",
            "project": self.place.project,
            "entry": entries[0],
            "entries": entries,
            "proxies": layout.url(layout.proxy_address, 8474),
            "supervisor": str(self.place.socket),
            "addresses": layout.addresses,
            "ports": {str(port): real for port, real in layout.ground.ports.items()},
            "without": sorted(self._out),
        }
        new = self.place.state.with_suffix(".new")
        new.write_text(json.dumps(content, indent=1) + "\n")
        new.replace(self.place.state)

    def _clear(self) -> None:
        self.keeper.end()
        self.place.state.unlink(missing_ok=True)
        if self.place.folder.exists():
            shutil.rmtree(self.place.folder)

    def _listen(self, layout: Layout, tiers: tuple[str, ...]) -> bool:
        ports = {"etcd": 2379, "cache": 6379, "recommend": 8080}
        asked = [n for n in layout.nodes if n.tier in tiers]
        return all(accepts(n.address, layout.ground.port(ports[n.tier])) for n in asked)


def main() -> int:
    actions = {"up": Shop.up, "down": Shop.down, "status": Shop.status}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        print(f"usage: {Path(sys.argv[0]).name} {'|'.join(actions)}", file=sys.stderr)
        return 2
    try:
        return actions[sys.argv[1]](Shop())
    except (Missing, OSError, XmlRpcError, mechanisms.UnknownMechanism) as error:
        print(f"{os.environ.get('SHOP_PROJECT', 'shop')}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
