"""Writes the measured figures into docs/verdict.md, from the JSON files beside this script.

    python benchmarks/quote.py

What stands between `<!-- name -->` and `<!-- /name -->` there is made here and nowhere else; a test
compares the two. A figure that was not measured is said to be missing, with the command for it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "verdict.md"
Figures = dict[str, Any]
RULES = ("violated", "held", "means", "one_probe")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    ruled = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %"


def alarms(found: Figures, names: Callable[[str, str], str]) -> str:
    """One row for each part: verdicts and false alarms over pairs in which nothing happened."""
    rows = []
    for setting, source, one in _parts(found):
        count, others = one["pairs"], one["others"]
        shares = [percent(one[key], count) for key in ("violated", "inconclusive", "held")]
        shares += [percent(others[key], count) for key in ("means", "one_probe")]
        rows.append((names(setting, source), str(count), *shares))
    head = ("nothing happened", "pairs", "**violated**", "inconclusive", "held", "means", "probe")
    return table(head, rows)


def _parts(found: Figures) -> list[tuple[str, str, Figures]]:
    """Setting, source and false alarms of each part; windows of one load have no source."""
    parts = []
    for setting, ours in found["figures"].items():
        sources = {"": ours} if "false_alarms" in ours else ours
        parts += [(setting, source, one["false_alarms"]) for source, one in sources.items()]
    return parts


def aborts(one: Figures) -> str:
    abort = one["abort"]
    return "–" if abort is None else f"{abort['median']:g} s, {abort['p90']:g} s"


def powers(found: Figures, setting: str, source: str) -> str:
    ours = found["figures"][setting]
    rows = []
    for fault, one in (ours[source] if source else ours)["power"].items():
        shares = (percent(one[k], one["windows"]) for k in RULES)
        rows.append((fault, *shares, aborts(one)))
    head = ("planted", "**violated**", "held", "means", "probe", "to the abort: median, p90")
    return table(head, rows)


def recorded(found: Figures) -> str:
    """What the figures were measured on."""
    runs = found["recordings"]
    requests, seconds = (sum(run[key] for run in runs) for key in ("requests", "seconds"))
    kinds = " and ".join(
        f"{sum(r['runtime'] == kind for r in runs)} on `{kind}`"
        for kind in dict.fromkeys(r["runtime"] for r in runs)
    )
    runs_of = "one run" if len(runs) == 1 else f"{len(runs)} runs ({kinds})"
    return f"{runs_of}, {requests} requests in {seconds:.0f} s of load"


def resampled(found: Figures) -> str:
    parts = [recorded(found).capitalize() + ".", "", alarms(found, lambda s, o: f"{s}, from {o}")]
    for setting in found["figures"]:
        if "one run" in found["figures"][setting]:
            count = next(iter(found["figures"][setting]["one run"]["power"].values()))["windows"]
            title = f"Planted into {count} pairs each, {setting}, from one run:"
            parts += ["", title, "", powers(found, setting, "one run")]
    return "\n".join(parts)


def windows(found: Figures) -> str:
    parts = [f"{recorded(found).capitalize()}.", "", alarms(found, lambda s, _: laid(found, s))]
    for setting in found["figures"]:
        parts += ["", f"Planted, {laid(found, setting)}:", "", powers(found, setting, "")]
    return "\n".join(parts)


def laid(found: Figures, setting: str) -> str:
    """The setting, and how its windows lie in the one load."""
    overlapping = found["figures"][setting]["overlapping"]
    return f"{setting}, {'overlapping' if overlapping else 'side by side'}"


def injected(found: Figures) -> str:
    parts = [f"{recorded(found).capitalize()}.", "", alarms(found, lambda s, _: s)]
    for setting, ours in found["figures"].items():
        real, planted = ours["injected"], ours["power"]
        count = max(one["windows"] for one in real.values())
        made = f"from {count} pieces of {ours['piece_seconds']:g} s for each fault"
        parts += ["", f"Injected, {setting}, {made}; planted in brackets:", ""]
        parts += [beside(real, planted), "", grown(real)]
    return "\n".join(parts)


def beside(real: Figures, planted: Figures) -> str:
    """One row for each fault: as injected, and in brackets as planted into the same load."""
    rows = [
        (
            fault,
            *(f"{percent(one[k], one['windows'])} ({percent(other[k], other['windows'])})"
              for k in RULES),
            f"{aborts(one)} ({aborts(other)})",
        )
        for fault, one in real.items()
        for other in [planted[fault]]
    ]  # fmt: skip
    head = ("injected", "**violated**", "held", "means", "probe", "to the abort: median, p90")
    return table(head, rows)


def grown(real: Figures) -> str:
    """What the faults that are named after a p99 did to it."""
    sentences = []
    for fault, one in real.items():
        if fault.startswith("p99"):
            every, *series = one["p99_ratio"].items()
            each = ", ".join(f"{name} ×{ratio['median']:g}" for name, ratio in series)
            least, middle, most = (every[1][key] for key in ("least", "median", "most"))
            sentences.append(f"under *{fault}* ×{middle:g} ({least:g} to {most:g}; {each})")
    return f"What the p99 of all requests really grew by, in the median: {', '.join(sentences)}."


def judging(found: Figures) -> str:
    return (
        f"{found['samples'] / 1e6:g} million samples and {found['gates']} gates take "
        f"{found['seconds']:.3g} s ({found['processor_seconds']:.3g} s of one processor) and "
        f"{found['more_mib']} MiB "
        f"beyond the {found['samples_mib']} MiB of the samples."
    )


def load(found: Figures) -> str:
    best, samples = found["sustained"], found["samples"]
    kept = (
        "No rate was sustained."
        if best is None
        else f"{best['rate']} arrivals a second are sustained with a lateness p99 of "
        f"{best['lateness_p99_ms']:g} ms."
    )
    rows = [
        (str(one["rate"]), str(one["unsent"]), "yes" if one["saturated"] else "no",
         f"{one['lateness_p95_ms']:g} ms", f"{one['lateness_p99_ms']:g} ms")
        for one in found["courses"]
    ]  # fmt: skip
    head = ("arrivals a second", "unsent", "saturated", "lateness p95", "p99")
    cost = (
        f"Samples cost Locust {samples['more_processor_percent']:g} % more of its processor: "
        f"{samples['sampled']['processor_us']:g} µs a request beside "
        f"{samples['bare']['processor_us']:g} µs (median of {samples['rounds']} rounds)."
    )
    cores, before = found["machine"]["cores"], found["machine"]["load_before"]
    machine = f"On {cores} cores that the target shares (load {before:g} before it began)."
    return "\n".join([f"{kept} {machine}", "", table(head, rows), "", cost])


def stall(found: Figures) -> str:
    rounds = found["p99_ms"]
    rows = [
        (*(f"{one[key]:g} ms" for key in ("truth", "ours")), f"{one['off']:+g} %",
         f"{one['locust']:g} ms")
        for one in rounds
    ]  # fmt: skip
    worst = max(abs(one["off"]) for one in rounds)
    made = f"{len(rounds)} rounds of {found['seconds']:g} s at {found['rate']:g} requests a second"
    head = ("p99 by the log", "ours", "off by", "plain Locust")
    return "\n".join([f"{made}; ours is off by {worst:g} % at most.", "", table(head, rows)])


def datasafety(found: Figures) -> str:
    rows = []
    for one in found.values():
        ledger = ", ".join(f"{n} {name}" for name, n in one["found"].items() if n) or "nothing"
        known, same = one["by_the_tables"], "these" if one["exactly"] else "**not the same**"
        tables = f"{known['lost']} lost, {known['doubled']} doubled; {same}"
        rows.append((one["what"], str(one["acknowledged"]), ledger, tables))
    head = ("what was done", "acknowledged", "the ledger found", "the tables say")
    return table(head, rows)


BLOCKS: dict[str, tuple[str, Callable[[Figures], str], str]] = {
    "resampled": ("verdict.json", resampled, "benchmarks/verdict.py RUN…"),
    "windows": ("windows.json", windows, "benchmarks/verdict.py --record 60 --windows 100"),
    "injected": ("injected.json", injected, "benchmarks/injected.py"),
    "judging": ("judging.json", judging, "benchmarks/judging.py"),
    "load": ("load.json", load, "benchmarks/load.py"),
    "stall": ("stall.json", stall, "benchmarks/stall.py"),
    "datasafety": ("datasafety.json", datasafety, "benchmarks/datasafety.py"),
}


def block(name: str) -> str:
    """The text of one block, as it must stand in the page."""
    file, made, command = BLOCKS[name]
    path = HERE / file
    if not path.exists():
        return f"Not measured yet: `python {command}`."
    return made(json.loads(path.read_text()))


def quoted(page: str) -> str:
    """The page with every block as its figures say."""
    for name in BLOCKS:
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        content = f"{begin}\n{block(name)}\n{end}"
        page = re.sub(f"{begin}.*?{end}", lambda _, new=content: new, page, flags=re.S)
    return page


def main() -> int:
    PAGE.write_text(quoted(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
