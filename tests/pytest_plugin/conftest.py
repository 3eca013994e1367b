"""A project of its own for each test: a system file, a fake world, and what the test writes."""

from __future__ import annotations

import pytest

SYSTEM = """
system: shop
entry: {url: "http://127.0.0.1:8080"}
tiers:
  web: {layer: application, nodes: [web1, web2], redundancy: {min: 1}}
  cache: {layer: cache, nodes: [cache1, cache2], redundancy: {min: 1}, roles: {master: master}}
links:
  web -> cache: {proxies: [web-cache1]}
probes:
  master: {redis: {tier: cache, sentinels: cache, master: shop}, holders: one}
runtimes:
  local: {state: state.json}
"""
CONFTEST = """
from pathlib import Path
import pytest
from chaoskit.world.fake import FakeWorld

@pytest.fixture
def chaos(chaos):
    chaos.world = FakeWorld.of(chaos.system, path={path})
    return chaos
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The fake world lives in memory; nothing real can be touched from here."""
    monkeypatch.setenv("CHAOSKIT_STATE", str(pytester.path / "state"))
    (pytester.path / "system.yaml").write_text(SYSTEM)
    pytester.makeconftest(CONFTEST.format(path=None))
    return pytester
