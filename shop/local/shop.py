"""The shop without containers: `up`, `down`, `status` (`chaoskit system up --runtime local`).

It must never report success before the standby streams, the replica is linked and every web node
answers whole; and never carry data over from a shop with other mechanisms or other code.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from services import mechanisms

from local.apart import Apart, NoWay, find_way
from local.keeper import Keeper, configuration, until
from local.layout import COMPOSE, NODE_FILES, PROXIES, SHOP, Ground, Layout, read_layout
from local.place import BadName, Place, claim, free_ground, is_free, named
from local.render import Servers, write_files
from local.servers import Missing, find_servers
from local.strength import accepts, has_primary, lacking

WAIT_S, SHOWN = 90.0, 4
# What must be there before the others begin: a Sentinel that finds no master looks for another
# one, and a service without its database ends.
FIRST, THEN = ("etcd", "cache", "recommend"), ("database", "sentinel", "dbproxy", "cacheproxy")


class Shop:
    """One shop as the environment names it."""

    def __init__(self) -> None:
        self.place = Place.of_environment()
        self.system = named("SHOP_SYSTEM")
        self.without = ""
        self.keeper = Keeper(self.place)

    def say(self, text: str) -> None:
        print(f"{self.place.project}: {text}", flush=True)

    def up(self) -> int:
        begin = time.monotonic()
        self.without = ",".join(sorted(mechanisms.parse(os.environ.get("SHOP_WITHOUT", ""))))
        servers = dict(find_servers())
        apart = find_way(servers)
        if not apart.namespaces:
            self.say("this machine allows no process namespaces: nodes are trees of processes only")
        with self._alone(), self._grounded(servers, apart) as layout:
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
        """One at a time for each shop."""
        lock, begin = f"{self.place.folder}", time.monotonic()
        if (held := claim(lock)) is None:
            self.say("waiting for another up or down of this shop to end")
            while (held := claim(lock)) is None:
                if time.monotonic() > begin + 2 * WAIT_S:
                    raise OSError("another up or down of this shop does not end")
                time.sleep(0.1)
        with closing(held):
            yield

    @contextmanager
    def _grounded(self, servers: Servers, apart: Apart) -> Iterator[Layout]:
        """The shop that is there if it is the one that is wanted, or else a new one."""
        if (kept := self._ground_kept(servers)) is not None:
            yield kept
            return
        self._clear()
        self.place.folder.mkdir(parents=True, mode=0o700)
        ground, held = free_ground(str(self.place.folder))
        with closing(held):
            yield self._ground_new(ground, servers, apart)

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
            self.keeper.end()
            if not is_free(layout):
                self.say("somebody else is at its addresses now: starting from a clean state")
                return None
            self.say("its supervisord is gone: starting it again")
            self.keeper.start(servers)
        return layout

    def _ground_new(self, ground: Ground, servers: Servers, apart: Apart) -> Layout:
        for declared, real in ground.ports.items():
            self.say(f"port {declared} is taken on every address: using {real} instead")
        layout = read_layout(ground, self.without)
        write_files(layout, self.place, servers)
        self._give_away(layout, apart)
        self.place.choose_socket()
        file = configuration(layout, self.place, servers, self.system, apart)
        self.place.configuration.write_text(file)
        kept = {"net": ground.net, "ports": dict(ground.ports), "without": self.without}
        (self.place.folder / "ground.json").write_text(json.dumps(kept))
        self.keeper.start(servers)
        (self.place.folder / "made-from").write_text(self._made_from(servers))
        return layout

    def _give_away(self, layout: Layout, apart: Apart) -> None:
        """What the nodes keep belongs to whom they run as."""
        if apart.owner is not None:
            for node in layout.nodes:
                os.chown(self.place.home(node.name), apart.owner, apart.owner)

    def _start(self, layout: Layout) -> None:
        tiers: dict[str, list[str]] = {}
        for node in layout.nodes:
            tiers.setdefault(node.tier, []).append(node.name)
        self.keeper.run("fault-proxy", *(n for tier in FIRST for n in tiers[tier]))
        self.say("waiting for: etcd, the caches")
        until("etcd and the caches listen", lambda: self._listen(layout, FIRST), 20.0)
        self.keeper.run(*(n for tier in THEN for n in tiers[tier]))
        self.say("waiting for: a primary of the database")
        until("the database has a primary", lambda: has_primary(layout), 45.0)
        rest = [tier for tier in tiers if tier not in (*FIRST, *THEN)]
        self.keeper.run(*(n for tier in rest for n in tiers[tier]))

    def _wait(self, layout: Layout, limit: float) -> None:
        before: list[str] = []
        while now := lacking(layout, self._out):
            if time.monotonic() > limit:
                raise OSError(f"after {WAIT_S:g} s it still lacks: {', '.join(now)}")
            if now != before:
                more = f", and {len(now) - SHOWN} more" if len(now) > SHOWN else ""
                self.say(f"waiting for: {', '.join(now[:SHOWN])}{more}")
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
    """Do what the command line says; every failure is one sentence."""
    actions = {"up": Shop.up, "down": Shop.down, "status": Shop.status}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        print(f"usage: python -m local {'|'.join(actions)}", file=sys.stderr)
        return 2
    project = os.environ.get("SHOP_PROJECT", "shop")
    try:
        return actions[sys.argv[1]](Shop())
    except KeyboardInterrupt:
        print(f"{project}: interrupted; `down` clears what was begun", file=sys.stderr)
        return 130
    except PermissionError as error:
        print(f"{project}: {error}; SHOP_STATE names another folder", file=sys.stderr)
        return 1
    except (Missing, NoWay, BadName, OSError, mechanisms.UnknownMechanism) as error:
        print(f"{project}: {error}", file=sys.stderr)
        return 1
