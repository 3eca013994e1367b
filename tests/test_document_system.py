"""`system.yaml`: typed, and everything in it fits together."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from chaoskit.document import load_system
from chaoskit.errors import DocumentError
from chaoskit.faults import all_faults
from chaoskit.model.experiment import Experiment
from chaoskit.model.probes import READS
from chaoskit.model.system import BodyRule, OutcomeRule, Ping, System

DOCUMENTS = Path(__file__).parent / "documents"
SAID = {
    "wrong": [
        "4:16: expected one of access, application, service, database, cache, got 'aplication' "
        "(did you mean 'application'?)",
        "5:32: expected at least 1 item, got an empty list",
        "6:35: expected a name of letters, digits, '.', '_' and '-', got 'order 1'",
        "6:45: unknown key 'redundncy' (did you mean 'redundancy'?)",
        "7:50: expected a ping such as http:8080/health or redis:6379, got 'http:80x'",
        "7:78: expected a whole number, got 'one'",
        "9:6: a probe needs exactly one of http, tcp, command, redis, patroni, sql, redis_value, "
        "prometheus, state",
        "10:16: expected a duration such as 200ms or 30s, got '2' (did you mean 2ms or 2s?)",
        "11:42: expected true or false, got 'yes'",
        "12:22: expected a list, got 'ls' (write [ls])",
        "13:23: unknown key 'headr' (did you mean 'header'?)",
        "14:18: expected a number, got '.nan'",
        "15:12: expected one of docker, local, got 'dockr' (did you mean 'docker'?)",
    ],
    "outcomes": [
        "5:3: a rule needs at least one of 'status', 'header' and 'body'",
        "6:3: 'value' is that of 'header'; that of the body stands in 'body'",
        "7:17: expected a dotted path such as stock.source, got 'stock..source'",
        "8:10: 'path' is missing ('body' needs path)",
        "9:31: expected a text, a number, true or false, got a list",
        "10:24: unknown key 'vale' (did you mean 'value'?)",
    ],
    "halting": [
        "4:82: expected at least 1, got '0'",
        "5:74: expected a share above 0% and up to 100%, got '0%'",
        "6:76: expected a share above 0% and up to 100%, got '150%'",
        "8:5: a hook needs exactly one of file, http, command",
        "9:5: a hook needs exactly one of file, http, command",
        "10:48: expected at least 100, got '2'",
        "11:6: unknown key 'fil' (did you mean 'file'?)",
    ],
    "halting-elsewhere": [
        "6:18: 'status.example.org' is not this machine: the question would leave it "
        "(if that is meant: allow_hosts: [status.example.org])",
        "7:18: expected a URL such as http://127.0.0.1:8080, got 'ftp://127.0.0.1/'",
        "7:48: 'timeout' must be more than 0s",
    ],
    "probing": [
        "5:3: 'all' is every request, no probe (name it otherwise)",
        "6:44: 'timeout' must be more than 0s",
        "6:55: a probe is asked every 100ms at most, got '10ms'",
        "7:14: a probe of this kind needs exactly one of 'url' and 'tier'",
        "8:21: there is no node or tier 'web3' (did you mean 'web'?)",
    ],
    "probing-wrong": [
        "5:12: a password in 'url' would be shown; write it as 'password'",
        "6:53: expected an operator and a value, '< 5' or '== PONG', got '5'",
        f"7:20: a probe only reads: 'run' begins with one of {', '.join(READS)}",
        "8:19: 'expect' is missing ('prometheus' needs url, query, expect)",
        "9:31: expected one of running, stopped, killed, frozen, absent, got 'up' "
        "(known: absent, frozen, killed, running, stopped)",
        "10:37: '<' compares numbers, and 'five' is none",
    ],
    "ledgers": [
        "7:36: an id is in exactly one of 'body', 'header' and 'url'",
        "9:11: 'after' and 'next' come together: without both there is one page",
        "10:43: unknown key 'bdy' (did you mean 'body'?)",
        "10:62: expected at least 1 item, got an empty list",
        "11:9: 'write' is missing ('bare' needs write, copies, read)",
        "11:41: expected a duration such as 200ms or 30s, got '5' (did you mean 5ms or 5s?)",
        "11:44: unknown key 'prt' (did you mean 'port'?)",
        "12:9: 'sequence' stands in 'write', 'read' and 'find', or in none of them",
    ],
    "ledgers-elsewhere": [
        "8:19: copy 'one' is named twice",
        "9:11: copy 'three' is no node that could be asked "
        "(name the 'url' or the 'tier' that answers for it)",
        "9:33: expected a port from 1 to 65535, got '0'",
        "10:15: all 3 copies would be asked the same "
        "(write {copy} where the copy's name belongs)",
        "10:22: there is no node or tier 'stor' (did you mean 'store'?)",
        "11:3: 'my abroad' cannot name a ledger (letters, digits, '.', '_', '-')",
        "14:17: 'ledger.example.org' is not this machine: the question would leave it "
        "(if that is meant: allow_hosts: [ledger.example.org])",
        "14:62: 'timeout' must be more than 0s",
        "15:15: a page is asked at 'url' or of a 'tier', not both",
    ],
    "unfitting": [
        "2:14: 'shop.example.org' is not this machine: load would leave it "
        "(if that is meant: allow_hosts: [shop.example.org])",
        "4:3: 'client' is the load generator, no tier (name it otherwise)",
        "5:49: node 'web2' is twice (a node belongs to one tier)",
        "5:74: tier 'web' has 3 nodes; min cannot be more",
        "5:85: there is no probe 'front' (did you mean 'frontend'?)",
        "6:41: node 'web1' is also in tier 'web' (a node belongs to one tier)",
        "6:47: 'web' names a tier and a node of tier 'cache' (rename one)",
        "6:69: there is no probe 'cache-mater' (did you mean 'cache-master'?)",
        "7:3: 'a b' cannot name a tier (letters, digits, '.', '_', '-')",
        "9:3: 'web->cache' cannot name a link (write \"a -> b\": source and target)",
        "10:3: there is no tier 'cahce' (did you mean 'cache'?)",
        "11:3: there is no tier 'wbe' (did you mean 'web'?)",
        "15:32: there is no tier 'cach' (did you mean 'cache'?)",
        "15:49: there is no tier 'sentinel' (there are: a b, cache, client, web)",
        "15:79: expected a port from 1 to 65535, got '0'",
        "16:20: a probe of this kind needs exactly one of 'url' and 'tier'",
        "17:41: there is no node or tier 'web3' (did you mean 'web'?)",
        "18:15: a probe of this kind needs exactly one of 'host' and 'tier'",
        "18:22: expected a port from 1 to 65535, got '99999'",
        "19:19: there is no node or tier 'etcd' "
        "(there are: a b, cache, cache1, client, client1, web, web1, web2, x1)",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_each_problem_is_told_at_its_place(name, monkeypatch):
    monkeypatch.chdir(DOCUMENTS / "systems")
    with pytest.raises(DocumentError) as caught:
        load_system(Path(f"{name}.yaml"))
    assert [str(p) for p in caught.value.problems] == [f"{name}.yaml:{s}" for s in SAID[name]]


def test_a_whole_system():
    system = load_system(DOCUMENTS / "shop" / "system.yaml")
    assert system.tiers["web"].alive == Ping("http", 8080, "/health")
    assert system.outcomes.degraded == (
        OutcomeRule(header="X-Degraded"),
        OutcomeRule(request="browse", body=BodyRule(path="stock.source", value="cache")),
        OutcomeRule(request="checkout", status=(200,), body=BodyRule(path="late")),
    )
    assert system.outcomes.shed[0].status == (429, 503)
    assert system.links["catalog -> cache"].proxies == ("catalog-cache1", "catalog-cache2")
    patroni = system.probes["database-primary"].patroni
    assert patroni is not None
    assert patroni.synchronous is True
    assert system.runtimes["docker"].up == ("shop/docker/up.sh",)


@pytest.mark.parametrize("fault", [name.name for name in all_faults()])
def test_a_fault_names_no_argument_like_a_selection_or_timing_key(fault):
    spec = next(kind.spec for kind in all_faults() if kind.name == fault)
    assert not {"node", "role", "count", "share", "link", "after", "for"} & set(spec.model_fields)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://127.9.8.7", "https://[::1]:1/x", "http://a.localhost"]
)
def test_load_goes_to_this_machine(url, tmp_path):
    assert load_system(small(tmp_path, url)).entry.url == url


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8080", "http://", "http://a:b/"])
def test_an_entry_is_a_url(url, tmp_path):
    with pytest.raises(DocumentError, match="expected a URL such as"):
        load_system(small(tmp_path, url))


def test_load_may_go_to_a_named_host(tmp_path):
    with pytest.raises(DocumentError, match=r"'10\.0\.0\.1' is not this machine"):
        load_system(small(tmp_path, "http://10.0.0.1"))
    assert load_system(small(tmp_path, "http://10.0.0.1", "allow_hosts: [10.0.0.1]\n"))


def small(folder: Path, url: str, more: str = "") -> Path:
    path = folder / "system.yaml"
    path.write_text(
        f'system: small\nentry: {{url: "{url}"}}\n'
        f"tiers: {{web: {{layer: application, nodes: [web1]}}}}\n{more}"
    )
    return path


def models(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """`model` and every model that its fields name."""
    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for part in parts(field.annotation):
                models(part, seen)
    return seen


def parts(annotation) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in parts(inner)]


@pytest.mark.parametrize("root", [Experiment, System, *(kind.spec for kind in all_faults())])
def test_booleans_are_only_true_and_false(root):
    """Pydantic alone would take yes, on and 1: such a field must be a Flag."""
    lax = [
        f"{model.__name__}.{name}"
        for model in models(root, set())
        for name, field in model.model_fields.items()
        if field.annotation is bool and not field.metadata
    ]
    assert lax == []


@pytest.mark.parametrize(
    ("links", "entrance"),
    [
        (
            {"web -> cache": {"proxies": ["a"]}, "client -> web": {"proxies": ["b"]}},
            "client -> web",
        ),
        ({"web -> cache": {"proxies": ["a"]}}, "gate"),
    ],
)
def test_the_load_comes_in_by_the_clients_link_or_the_outermost_tier(links, entrance):
    layers = {"web": "application", "gate": "access", "cache": "cache"}
    tiers = {name: {"layer": layer, "nodes": [f"{name}1"]} for name, layer in layers.items()}
    made = {"system": "s", "entry": {"url": "http://127.0.0.1:1"}, "tiers": tiers, "links": links}
    assert System.model_validate(made).entrance == entrance
