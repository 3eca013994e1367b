"""What the local shop reads from the files of the Docker shop."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from chaoskit.document import load_system
from tests.ordinary_user import ROOT

sys.path.insert(0, str(ROOT / "shop"))

from local.keeper import _quoted
from local.layout import Ground, read_layout
from local.place import BadName, Place, can_listen, claim, free_ground
from local.render import rendered

PLAIN = Ground("127.77.9", {})


def test_every_node_of_the_system_is_there_and_no_other() -> None:
    system = load_system(ROOT / "experiments" / "shop" / "system.yaml").on("local")
    layout = read_layout(PLAIN, "")
    assert {node.name: node.tier for node in layout.nodes} == {
        name: tier for tier, spec in system.tiers.items() for name in spec.nodes
    }
    declared = {proxy for link in system.links.values() for proxy in link.proxies}
    assert {proxy["name"] for proxy in layout.proxies} == declared


def test_addresses_are_loopback_and_end_as_in_the_docker_shop() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, address in read_layout(PLAIN, "").addresses.items():
        static = services[name]["networks"]["shop"]["ipv4_address"]
        assert address == f"127.77.9.{static.rpartition('.')[2]}"


def test_a_moved_port_moves_everywhere() -> None:
    ground = Ground("127.77.9", {8080: 38080, 5432: 35432})
    layout = read_layout(ground, "")
    web = next(node for node in layout.nodes if node.name == "web1")
    assert web.environment["PORT"] == "38080"
    upstreams = {proxy["name"]: proxy["upstream"] for proxy in layout.proxies}
    assert upstreams["client-gateway1"] == "127.77.9.11:38080"
    assert upstreams["catalog-database1"].endswith(":35432")
    assert upstreams["catalog-database1-read"].endswith(":5433")
    assert (
        ground.at("bind 127.77.9.11:8080, 18080, 80801") == "bind 127.77.9.11:38080, 18080, 80801"
    )


def test_every_port_of_the_shops_files_can_move() -> None:
    named = set()
    for path in (ROOT / "shop" / "docker" / "nodes").glob("*.cfg"):
        for word in path.read_text().replace('"', " ").split():
            port = word.rpartition(":")[2]
            if ":" in word and port.isdigit() and int(port) > 1023:
                named.add(int(port))
    assert named <= {port for _, port in read_layout(PLAIN, "").listens}


def test_without_its_failover_clients_know_the_first_gateway_only() -> None:
    layout = read_layout(PLAIN, "gateway-failover")
    assert len(layout.entries(frozenset())) == 2
    assert layout.entries(frozenset({"gateway-failover"})) == ["http://127.77.9.71:8081"]


def test_no_file_keeps_a_place_of_the_container() -> None:
    place = Place(Path("/nowhere"), "trial")
    layout = read_layout(PLAIN, "")
    servers = {"postgres": Path("/wheel/bin/postgres")}
    folder = ROOT / "shop" / "docker" / "nodes"
    for name in ("dbproxy.cfg", "cacheproxy.cfg", "gateway.cfg", "patroni.yml", "redis.conf"):
        text = rendered(name, (folder / name).read_text(), layout.nodes[0], place, servers)
        for container in ("/var/lib", "/usr/lib/postgresql", "/shop/nodes", "0.0.0.0", "bind *"):
            assert container not in text, (name, container)


def test_a_deep_folder_has_its_socket_in_a_short_one(tmp_path: Path) -> None:
    near, deep = Place(tmp_path, "shop"), Place(tmp_path / ("x" * 100), "shop")
    for place in (near, deep):
        place.folder.mkdir(parents=True)
    # Where the tests' own folder is deep already, both are in a short one.
    deep.choose_socket()
    assert len(os.fsencode(deep.socket)) < 100
    assert "x" * 100 not in str(deep.socket)
    assert Place(tmp_path / ("x" * 100), "shop").socket == deep.socket  # known to the next command
    deep.forget_socket()
    assert not deep.socket.parent.exists()
    assert near.socket == near.folder / "supervisor.sock"


@pytest.mark.parametrize("name", ["", "../etc", "a:b", "two words", "x" * 64])
def test_a_name_that_cannot_be_one_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PROJECT", name)
    with pytest.raises(BadName, match="SHOP_PROJECT"):
        Place.of_environment()


def test_the_ports_of_the_proxies_can_move_too() -> None:
    layout = read_layout(Ground("127.77.9", {21001: 20001}), "")
    assert ("127.77.9.71", 20001) in layout.listens
    gateway = next(node for node in layout.nodes if node.name == "gateway1")
    text = (ROOT / "shop" / "docker" / "nodes" / "gateway.cfg").read_text()
    servers = {"postgres": Path("/wheel/bin/postgres")}
    place = Place(Path("/nowhere"), "trial")
    moved = layout.ground.at(rendered("gateway.cfg", text, gateway, place, servers))
    assert ".71:20001" in moved
    assert "21001" not in moved


def test_a_ground_is_one_shops_alone() -> None:
    ground, held = free_ground("one seed")
    with closing(held):
        other, also = free_ground("one seed")
        also.close()
        assert other.net != ground.net
    again = claim(ground.net)
    assert again is not None
    again.close()


def test_words_reach_a_program_as_they_are() -> None:
    assert _quoted('a "b" %c') == '"a \\"b\\" %%c"'


def test_whoever_listens_is_noticed() -> None:
    import socket

    with socket.create_server(("127.76.1.1", 0)) as held:
        port = held.getsockname()[1]
        assert not can_listen("127.76.1.1", port)
        assert can_listen("127.76.1.2", port)


@pytest.mark.parametrize("variable", ["SHOP_NET", "SHOP_WITHOUT", "SHOP_NODE", "HOST"])
def test_every_node_is_told_who_and_where_it_is(variable: str) -> None:
    assert all(variable in node.environment for node in read_layout(PLAIN, "").nodes)
