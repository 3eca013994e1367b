# The habits of the project. `make demo` runs the main job, `make test` passes the tests.

PYTHON ?= python3
BIN := .venv/bin
DEMO := healthy network-latency node-kill database-loss cache-failure
WEAKNESSES := cache-fallback=cache-failure gateway-checks=node-kill db-failover=database-loss idempotent-orders=late-order
RUNS ?= 3
RUNTIME ?= local

.PHONY: demo demo-docker test lane-docker lane-local check engine images toxiproxy chromium soak crash benchmark-proxy
.PHONY: benchmark-watchdog benchmark-compare clean

# uv installs in a few seconds what takes pip over a minute; where it does not run, pip does the same.
define install
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[$(1)]' \
	  || $(BIN)/python -m pip install --quiet --editable '.[$(1)]'
endef

# With all that the tests need, which is all that the demo needs and more.
.venv/ready: pyproject.toml
	$(call install,dev)
	touch .venv/demo $@

# With what the shop and chaoskit themselves need. What is here already is not installed again by the above.
.venv/demo: pyproject.toml
	$(call install,shop)
	touch $@

# Sets up all that it needs in .venv, runs healthy and the four named experiments, leaves the shop up. No engine.
demo: .venv/demo
	$(BIN)/chaoskit system up --runtime local --system experiments/shop
	$(BIN)/chaoskit run --runtime local --quick $(DEMO:%=experiments/shop/%.yaml)

# The same on containers: engine and images first.
demo-docker: .venv/demo engine images
	$(BIN)/chaoskit system up --runtime docker --system experiments/shop
	$(BIN)/chaoskit run --runtime docker --quick $(DEMO:%=experiments/shop/%.yaml)

# All tests. Those that need an engine are reported as skipped without one (CI=true: they fail).
# What touches nothing real goes first and side by side (it waits more than it works), then what is real in a lane for each runtime (each tells
# what it did at its end); what is measured has the machine for itself.
test: .venv/ready
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "not (docker or local or slow)"
	$(MAKE) --jobs 2 --keep-going --output-sync=target lane-docker lane-local
	$(BIN)/python -m pytest -m measured

lane-docker: .venv/ready
	LANE=docker $(BIN)/python -m pytest --durations=25 -m "(docker or ordinary or slow and not local) and not measured"

lane-local: .venv/ready
	LANE=local $(BIN)/python -m pytest --durations=25 -m "local and not ordinary and not measured"

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A Docker engine, where none is reachable (Debian, root; it says what it installs).
engine:
	shop/docker/engine.sh

images:
	shop/docker/images.sh

# The real Toxiproxy and its client, for the conformance suite and the benchmark (needs Go).
toxiproxy: .venv/ready
	$(BIN)/python -m tests.proxy.original

# A Chromium, where none is found, for the tests of the console (Debian, root; it says what it installs).
chromium:
	tests/console/chromium.sh

# Bare TCP, Toxiproxy and the embedded proxy side by side; figures go to benchmarks/proxy.json.
benchmark-proxy: .venv/ready
	$(BIN)/python benchmarks/proxy.py

# From the runner's SIGKILL to the watchdog's first revert call; figures go to benchmarks/watchdog.json.
benchmark-watchdog: .venv/ready
	$(BIN)/python benchmarks/watchdog.py

# False alarms and finds of `compare` on the stored runs of healthy; figures go to benchmarks/compare.json.
benchmark-compare: .venv/ready
	$(BIN)/python benchmarks/compare.py

# Kills real runs on RUNTIME at random until RUNS are in benchmarks/crash.json; goes on where it stopped.
crash: .venv/ready
	$(BIN)/python -m tests.crash.real --runtime $(RUNTIME) --runs $(RUNS)

# Every experiment RUNS times in a row on RUNTIME, full length, and each weakness with the one that must find it;
# sums go to benchmarks/soak.json.
soak: .venv/ready
	$(BIN)/python benchmarks/soak.py --runtime $(RUNTIME) --runs $(RUNS)
	for each in $(WEAKNESSES); do $(BIN)/python benchmarks/soak.py --runtime $(RUNTIME) --runs $(RUNS) \
	  --without $${each%=*} $${each#*=} || exit 1; done

clean:
	rm -rf .venv build *.egg-info
