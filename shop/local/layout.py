"""Who there is, at which address, started how: read from the files of the Docker shop.

docker-compose.yml and toxiproxy.json are the one table of truth for both runtimes. What differs
on a bare machine is said here and nowhere else: a loopback address for each node, two entries
instead of an address that moves, and a port is another one where somebody holds it already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SHOP = Path(__file__).resolve().parents[1]
COMPOSE = SHOP.parent / "docker-compose.yml"
PROXIES = SHOP / "docker" / "toxiproxy.json"
NODE_FILES = SHOP / "docker" / "nodes"

PROXY_NODE, PROXY_API = "toxiproxy", 8474
ENTRY_PORTS = {"gateway1": 8081, "gateway2": 8082}
# The ports of the nodes, as the shop's files name them. Any node may have any of them.
PORTS = (8080, 8404, 5432, 5433, 8008, 6379, 26379, 2379, 2380)
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")


@dataclass(frozen=True)
class Ground:
    """Where a shop stands: the first three octets of its addresses, and the ports that moved."""

    net: str
    ports: Mapping[int, int]

    def at(self, text: str) -> str:
        """`text` with every port that moved written as the one really used."""
        if not self.ports:
            return text
        known = "|".join(str(port) for port in sorted(self.ports, reverse=True))
        return re.sub(rf"\b({known})\b", lambda found: str(self.ports[int(found[1])]), text)

    def port(self, declared: int) -> int:
        return self.ports.get(declared, declared)


@dataclass(frozen=True)
class Node:
    """One program that stands for a container of the Docker shop."""

    name: str
    tier: str
    address: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    """The whole shop on its ground."""

    ground: Ground
    nodes: tuple[Node, ...]
    proxy_address: str
    proxies: tuple[dict[str, Any], ...]
    without: str = ""

    @property
    def addresses(self) -> dict[str, str]:
        return {node.name: node.address for node in self.nodes}

    @property
    def listens(self) -> list[tuple[str, int]]:
        """Every address and port that the shop may take."""
        ports = [self.ground.port(port) for port in PORTS]
        places = [(node.address, port) for node in self.nodes for port in ports]
        ways = [proxy["listen"].rpartition(":") for proxy in self.proxies]
        places += [(address, int(port)) for address, _, port in ways]
        return [*places, (self.proxy_address, self.ground.port(PROXY_API))]

    def url(self, address: str, port: int) -> str:
        return f"http://{address}:{self.ground.port(port)}"

    def entries(self, without: frozenset[str]) -> list[str]:
        """Where clients come in; without its failover they know the first gateway only."""
        ports = sorted(ENTRY_PORTS.values())
        if "gateway-failover" in without:
            ports = ports[:1]
        return [self.url(self.proxy_address, port) for port in ports]


def read_layout(ground: Ground, without: str) -> Layout:
    """The shop on `ground`, with the mechanisms `without` taken out."""
    told = {"SHOP_NET": ground.net, "SHOP_WITHOUT": without}
    services = _filled(yaml.safe_load(COMPOSE.read_text())["services"], told)
    places = {
        name: service["networks"]["shop"]["ipv4_address"] for name, service in services.items()
    }
    labelled = {
        name: service
        for name, service in services.items()
        if "chaoskit.node" in (service.get("labels") or {})
    }
    nodes = tuple(_node(name, service, places, ground) for name, service in labelled.items())
    return Layout(ground, nodes, places[PROXY_NODE], tuple(_proxies(places, ground)), without)


def _node(name: str, service: Mapping[str, Any], places: Mapping[str, str], ground: Ground) -> Node:
    proxy = places[PROXY_NODE]
    environment = {
        key: ground.at(str(value).replace(f"@{PROXY_NODE}:", f"@{proxy}:"))
        .replace(f"//{PROXY_NODE}:", f"//{proxy}:")
        for key, value in service["environment"].items()
    }  # fmt: skip
    environment["HOST"] = places[name]
    tier = service["labels"]["chaoskit.tier"]
    return Node(name, tier, places[name], tuple(service["command"]), environment)


def _proxies(places: Mapping[str, str], ground: Ground) -> list[dict[str, Any]]:
    found = []
    for proxy in json.loads(PROXIES.read_text()):
        port = proxy["listen"].rpartition(":")[2]
        host, _, upstream = proxy["upstream"].rpartition(":")
        ways = ENTRY_PORTS.items() if host == "gateway" else [(host, port)]
        for node, listen in ways:
            name = proxy["name"] if node == host else f"{proxy['name']}{node[-1]}"
            found.append(
                {
                    "name": name,
                    "listen": ground.at(f"{places[PROXY_NODE]}:{listen}"),
                    "upstream": ground.at(f"{places[node]}:{upstream}"),
                    "enabled": True,
                }
            )
    return found


def _filled(value: Any, told: Mapping[str, str]) -> Any:
    """`value` with `${NAME:-default}` replaced, as Compose does it; told wins over the default."""
    if isinstance(value, dict):
        return {key: _filled(each, told) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, told) for each in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: told.get(found[1], found[2] or ""), value)
    return value
