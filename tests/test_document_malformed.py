"""Malformed experiments: every problem at its place, with a suggestion, all in one pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaoskit.document import load_experiment, load_experiments
from chaoskit.errors import DocumentError
from chaoskit.faults import all_faults

MALFORMED = Path(__file__).parent / "documents" / "malformed"
NODE_FAULTS = ", ".join(kind.name for kind in all_faults() if kind.point == "node")
LINK_FAULTS = ", ".join(kind.name for kind in all_faults() if kind.point == "link")

# Each file with all that is said about it: line:column, message, suggestion.
SAID = {
    "unknown-key": ["8:42: unknown key 'dealy' (did you mean 'delay'?)"],
    "wrong-unit": [
        "5:16: expected a percentage such as 99.5%, got '99.5' (did you mean 99.5%?)",
        "6:32: expected a duration such as 200ms or 30s, got '60' (did you mean 60ms or 60s?)",
    ],
    "unknown-node": ["8:18: 'shop' has no node or tier 'wbe1' (did you mean 'web1'?)"],
    "maximum": [
        "9:5: kill may be open for 30s at most, the fault phase it fills leaves it 1m "
        "(shorten it, or raise max_duration in the experiment)",
        "10:40: kill may be open for 30s at most, its 'for' is 40s "
        "(shorten it, or raise max_duration in the experiment)",
    ],
    "surge": [
        "4:53: expected a rate such as 60/s, got '300' (did you mean 300/s?)",
        "4:58: unknown key 'afer' (did you mean 'after'?)",
    ],
    "surge-late": [
        "4:48: the surge would end at 23s, but the fault phase lasts 20s "
        "(begin earlier, or make the phase longer)"
    ],
    "surge-kind": ["4:48: a surge needs exactly one of 'to' and 'steps'"],
    "radius": [
        "8:27: expected at least 1, got '0'",
        "8:41: expected a share above 0% and up to 100%, got '101%'",
        "8:47: unknown key 'max_node' (did you mean 'max_nodes'?)",
    ],
    "duplicate-key": ["9:1: duplicate key 'load' (the first one is in line 4; keep one)"],
    "missing-phase": ["6:9: 'fault' is missing ('phases' needs baseline, fault, recovery)"],
    "bad-yaml": [
        "5:24: bad YAML: expected ',' or ']', but got '[' "
        "(quote names that have brackets, braces or a colon)"
    ],
    "two-mistakes": [
        "4:29: unknown key 'rat' (did you mean 'rate'?)",
        "8:21: 'shop' has no link 'catalog -> databse' (did you mean 'catalog -> database'?)",
    ],
    "empty": ["1:1: the file is empty (an experiment begins with 'experiment: <name>')"],
    "unknown-fault": ["8:5: unknown fault 'latencey' (did you mean 'latency'?)"],
    "wrong-kind-of-point": [
        "8:15: 'latency' is a fault of a link, not of a node "
        f"(write link: <a -> b>; faults of a node: {NODE_FAULTS})"
    ],
    "comment": ["1:1: the file is empty (an experiment begins with 'experiment: <name>')"],
    "list": [
        "1:1: expected a mapping, got a list (an experiment begins with 'experiment: <name>')"
    ],
    "sentence": [
        "1:1: expected a mapping, got 'just a sentence' "
        "(an experiment begins with 'experiment: <name>')"
    ],
    "latin1": ["1:16: byte 0xe9 is not UTF-8 (save it as UTF-8)"],
    "tab": ["2:1: bad YAML: a tab cannot indent (use spaces)"],
    "second-colon": ["2:16: bad YAML: a second ': ' on this line (quote text that contains ': ')"],
    "two-documents": ["2:1: a second document (one file holds one document: split it)"],
    "extras": [
        "4:7: anchors (&load) are not read (write the value twice)",
        "5:15: aliases (*load) are not read (write the value out)",
        "6:9: tags (!!map) are not read (the declared type decides: remove it)",
    ],
    "merge-and-null": [
        "7:3: merge keys (<<) are not read (write the keys out)",
        "11:1: 'tags' has no value (remove it, or write '' if empty text is meant)",
        "12:31: duplicate key 'ledger' (the first one is in line 12; keep one)",
    ],
    "expectations": [
        "10:5: expected a line such as checkout success >= 99.5%, got a mapping "
        "(quote it: 'browse: checkout p95 < 3s')",
        "11:5: expected a line such as checkout success >= 99.5%, got a list "
        "(quote names that have brackets, braces or a colon)",
        "12:5: 'browse p95 = 3s' has no comparison; use one of <= < >= > ==",
        "13:5: unknown metric 'p59x' (use one of success, degraded, shed, failed, "
        "p50, p90, p95, p99, p99.9, rate, max, outage)",
        "14:5: unknown metric 'sucess' (did you mean 'success'?)",
        "15:5: expected a duration such as 200ms or 30s, got '3' (did you mean 3ms or 3s?)",
        "16:5: success is a share of all planned requests, at most 100%",
        "17:13: expected a list, got 'checkout success < 50% for 10s' "
        "(write [checkout success < 50% for 10s])",
    ],
    "faults": [
        "8:5: expected a fault, got 'kill' "
        "(a fault is written kill: {node: …} or latency: {link: a -> b, …})",
        "10:5: 'for' stands beside 'kill' "
        "(put it inside: kill: {…, for: …}; or begin it with '- ')",
        "11:11: expected a mapping after 'kill', got 'web1' (kill: {node: …} or {link: a -> b})",
        "12:11: 'node' is missing (write node: <node or tier>)",
        "13:31: tier 'cache' declares no role 'mster' (did you mean 'master'?)",
        "14:30: 3 are too many: tier 'web' has 2 nodes, 2 of them not protected (at most 2)",
        "15:31: 'count' narrows a tier, but 'web1' is one node "
        "(write node: web, or leave 'count' out)",
        "16:5: 'role' and 'count' exclude each other",
        "17:18: node 'etcd1' is protected (see 'protected' in system.yaml)",
        "18:18: tier 'etcd' is protected (see 'protected' in system.yaml)",
        "19:30: a share is more than 0% and at most 100%, got 0%",
        "20:31: 'kill' would begin at 1m, but the fault phase lasts 1m "
        "(begin earlier, or make the phase longer)",
        "21:41: 'kill' would end at 70s, but the fault phase lasts 1m "
        "(at most for: 10s, or make the phase longer)",
        "22:29: a fault must last longer than 0s (or leave 'for' out)",
        "23:12: 'kill' is a fault of a node, not of a link "
        f"(write node: <node or tier>; faults of a link: {LINK_FAULTS})",
        "24:21: link 'web -> catalog' has no endpoint 'catalog3' (did you mean 'web-catalog2'?)",
        "25:44: expected a duration such as 200ms or 30s, got '80' (did you mean 80ms or 80s?)",
        "25:48: unknown key 'jiter' (did you mean 'jitter'?)",
        "25:60: 'latency' is a fault of a link, not of a node "
        f"(write link: <a -> b>; faults of a node: {NODE_FAULTS})",
        "26:14: 'delay' is missing (latency needs delay)",
        "26:37: unknown key 'fro' (did you mean 'for'?)",
        "27:5: expected a fault, got a mapping "
        "(a fault is written kill: {node: …} or latency: {link: a -> b, …})",
    ],
}


def told(error: DocumentError) -> list[str]:
    return [str(problem) for problem in error.problems]


@pytest.mark.parametrize("name", SAID)
def test_each_problem_is_told_at_its_place(name, monkeypatch):
    monkeypatch.chdir(MALFORMED)
    with pytest.raises(DocumentError) as caught:
        load_experiment(Path(f"{name}.yaml"))
    assert told(caught.value) == [f"{name}.yaml:{line}" for line in SAID[name]]
    assert caught.value.exit_code == 2


def test_every_malformed_sample_has_its_row():
    assert {path.stem for path in MALFORMED.glob("*.yaml")} == set(SAID)


def test_the_problems_of_all_files_come_together(monkeypatch):
    monkeypatch.chdir(MALFORMED)
    names = ["two-mistakes", "unknown-fault", "empty"]
    with pytest.raises(DocumentError) as caught:
        load_experiments([Path(f"{name}.yaml") for name in names])
    assert told(caught.value) == sorted(
        f"{name}.yaml:{line}" for name in names for line in SAID[name]
    )
    assert str(caught.value).endswith("4 problems; nothing was run.")


CLAIMS = {
    "- [GET] /a success >= 1%": "quote it: - '[GET] /a success >= 1%'",
    '- "GET /a" success >= 1%': "quote it: - '\"GET /a\" success >= 1%'",
    "- @home success >= 1%": "quote it: - '@home success >= 1%'",
    "- {id} p95 < 3s": "quote it: - '{id} p95 < 3s'",
    "- a: b: c p95 < 3s": "quote it: - 'a: b: c p95 < 3s'",
}


@pytest.mark.parametrize("line", CLAIMS)
def test_an_expectation_that_breaks_the_yaml_is_to_be_quoted(line, tmp_path):
    path = tmp_path / "claim.yaml"
    path.write_text(f"experiment: a\nsteady_state:\n  {line}\n")
    with pytest.raises(DocumentError) as caught:
        load_experiment(path)
    (problem,) = caught.value.problems
    assert problem.line == 3
    assert problem.message.startswith("bad YAML")
    assert problem.suggestion == CLAIMS[line]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: \x01\n", "1:4", "character #x0001 is not allowed in YAML"),
        ("a: " + "[" * 40 + "]" * 40, "1:34", "bad YAML: nested too deeply"),
        ("experiment: a\nhypothesis\nsystem: b\n", "2:1", "bad YAML: a key without ':'"),
        ("experiment: a\n  hypothesis: b\n", "2:13", "bad YAML: a key does not fit here"),
        ("entry: {url: x}\ntiers: {}\n", "1:1", "this is a system, not an experiment"),
    ],
)
def test_text_that_cannot_be_an_experiment(text, place, message, tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError) as caught:
        load_experiment(path)
    first = caught.value.problems[0]
    assert (f"{first.line}:{first.column}", first.message) == (place, message)
