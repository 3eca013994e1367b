"""Runs every experiment of the shop several times in a row and keeps the sums in soak.json.

    python benchmarks/soak.py --runtime local --runs 3             # all of them
    python benchmarks/soak.py --runtime local --runs 3 node-kill   # the sums of the others are kept
    python benchmarks/soak.py --without gateway-checks node-kill   # a weakness, which must be found

The figures are measured, never judged: a run that did not hold is counted as what it was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from chaoskit.document import load_experiments

EXPERIMENTS = Path("experiments/shop")
SUMS = Path(__file__).with_name("soak.json")
WORDS = {0: "held", 1: "violated", 3: "inconclusive"}


def one(path: Path, runtime: str) -> tuple[int, float]:
    """Run one experiment file; exit code and seconds."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "chaoskit", "run", "--runtime", runtime, str(path)]
    code = subprocess.run(command, check=False).returncode
    return code, time.monotonic() - begin


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--runtime", choices=("local", "docker"), default="local")
    parser.add_argument("names", nargs="*", help="experiments by file name; default: all")
    parser.add_argument("--without", default="", help="mechanisms taken out of the shop")
    wishes = parser.parse_args()
    if wishes.without and not wishes.names:
        parser.error("name the experiments that are to find it")
    words = ["system", "up", "--runtime", wishes.runtime, "--system", str(EXPERIMENTS)]
    shop = os.environ | {"SHOP_WITHOUT": wishes.without}
    subprocess.run([sys.executable, "-m", "chaoskit", *words], env=shop, check=True)
    sums: dict[str, dict[str, object]] = json.loads(SUMS.read_text()) if SUMS.exists() else {}
    ours = sums.setdefault(wishes.runtime, {})
    if not wishes.names:
        for name in [name for name in ours if " without " not in name]:
            del ours[name]
    for path in [bound.path for bound in load_experiments((EXPERIMENTS,))]:
        if wishes.names and path.stem not in wishes.names:
            continue
        found = [one(path, wishes.runtime) for _ in range(wishes.runs)]
        codes = Counter(WORDS.get(code, f"exit {code}") for code, _ in found)
        seconds = [round(s, 1) for _, s in found]
        name = f"{path.stem} without {wishes.without}" if wishes.without else path.stem
        ours[name] = {"runs": wishes.runs, "verdicts": dict(codes), "seconds": seconds}
        SUMS.write_text(json.dumps(sums, indent=1, sort_keys=True) + "\n")
    print(json.dumps(sums, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
