"""Trap: a slicer toxic without a size kills the whole Toxiproxy server at the first byte."""

from __future__ import annotations

import pytest

from chaoskit.errors import InvalidInput
from chaoskit.world.toxiproxy import ProxyServer, Toxic
from tests.stage import Stage, chatter

pytestmark = pytest.mark.docker


def test_it_is_never_sent_and_the_server_lives_on(proxied_stage: Stage) -> None:
    proxied_stage.node("cache1")
    proxied_stage.link("app -> cache", "app-cache1", 24001, "cache1:6379")
    server = ProxyServer(proxied_stage.api)
    for attributes in ({}, {"average_size": 0}, {"averagesize": 10}):
        with pytest.raises(InvalidInput, match="average_size"):
            server.add("app-cache1", Toxic("slice", "slicer", attributes=attributes))
    server.add("app-cache1", Toxic("slice", "slicer", attributes={"average_size": 2, "delay": 10}))
    with chatter((proxied_stage.proxy_address, 24001)) as heard:
        assert heard
    server.remove("app-cache1", "slice")
    proxied_stage.proxy.reload()
    assert proxied_stage.proxy.status == "running"
    assert proxied_stage.proxy.attrs["RestartCount"] == 0
