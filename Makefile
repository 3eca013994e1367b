# The habits of the project. `make demo` runs the main job, `make test` passes the tests.

PYTHON ?= python3
BIN := .venv/bin
DEMO := healthy network-latency node-kill database-loss cache-failure
RUNS ?= 3

.PHONY: demo test check engine images soak clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# Sets up all that it needs, runs healthy and the four named experiments, leaves the shop up.
demo: .venv/ready engine images
	$(BIN)/chaoskit system up --system experiments/shop
	$(BIN)/chaoskit run --quick $(DEMO:%=experiments/shop/%.yaml)

# All tests. Those that need an engine are reported as skipped without one (CI=true: they fail).
test: .venv/ready
	$(BIN)/python -m pytest

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A Docker engine, where none is reachable (Debian, root; it says what it installs).
engine:
	shop/docker/engine.sh

images:
	shop/docker/images.sh

# Every experiment RUNS times in a row, full length; sums go to benchmarks/soak.json.
soak: .venv/ready engine images
	$(BIN)/python benchmarks/soak.py --runs $(RUNS)

clean:
	rm -rf .venv build *.egg-info
