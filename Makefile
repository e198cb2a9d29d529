# Three verbs for a newcomer: demo, test, check. Each sets up what it needs. Then the long proofs:
# conformance (CORPUS=dir of recorded modems; left out where there is none),
# simulate (SEEDS=n FIRST=m), planted, soak (ORDERS=n KILLS=n SEED=n UPGRADES=1), fuzz (TARGET=name SECONDS=n).
# The tests are shared out to WORKERS=n processes, as tests/workers.py says; one that is ended by
# its test ends the run, which would else begin with that test again.
# test-peers talks to real servers and clients, which it gets into .peers; what cannot be had is
# skipped and said. In it is the demo over all channels: .venv/bin/pulsarack demo --channels.
# clients-test lets other programs drive the simulated rack (as root: it installs them from Debian).
# bench measures (minutes; FULL=1: most of an hour; NAMES="start rack": see pulsarack bench --help).
# deb makes the Debian package in dist/ (Python 3.11 and dpkg-deb; docs/install.md).
# vm-test runs in a virtual machine whose disk it makes first in VM=directory, as root; SEED=n.
PYTHON ?= python3
VM ?= $(HOME)/.cache/pulsarack-vm
WORKERS ?= 2
VENV := .venv
STAMP := $(VENV)/.installed

# What Python compiles is kept, whatever the environment says: workers and the many processes that
# tests start would else each compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check static conformance simulate planted soak fuzz clients-test test-peers bench deb vm-test format clean

demo: $(STAMP)
	$(VENV)/bin/pulsarack demo

test: $(STAMP)
	$(VENV)/bin/python -m pytest -q -n $(WORKERS) --max-worker-restart 0

check: static
	$(VENV)/bin/python -m pytest -q tests/test_tidy.py tests/test_layout.py

# What no test does.
static: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

conformance: $(STAMP)
	$(VENV)/bin/python -m tests.conformance $(or $(CORPUS),corpus)

simulate: $(STAMP)
	$(VENV)/bin/python -m tests.simulation --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),0)

planted: $(STAMP)
	$(VENV)/bin/python -m tests.simulation --planted

soak: $(STAMP)
	$(VENV)/bin/python -m tests.soak --orders $(or $(ORDERS),1000) --kills $(or $(KILLS),50) --seed $(or $(SEED),1) $(if $(UPGRADES),--upgrades)

fuzz: $(STAMP)
	$(VENV)/bin/python -m tests.fuzz $(or $(TARGET),all) --seconds $(or $(SECONDS),60)

clients-test: $(STAMP)
	sh tests/clients/install.sh
	$(VENV)/bin/python -m pytest -q tests/clients --clients

test-peers: $(STAMP)
	PYTHON=$(PYTHON) sh tests/peers/install.sh
	$(VENV)/bin/python -m pytest -q tests/peers --peers -n $(WORKERS) --max-worker-restart 0

bench: $(STAMP)
	$(VENV)/bin/python -m benchmarks $(NAMES) $(if $(FULL),--full)

deb: $(STAMP)
	$(VENV)/bin/python packaging/build.py $(if $(VERSION),--version $(VERSION))

vm-test: $(STAMP)
	$(VENV)/bin/python -m tests.vm --machine $(VM) --seed $(or $(SEED),1)

format: $(STAMP)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

$(STAMP): setup.cfg pyproject.toml constraints.txt setup.sh
	sh ./setup.sh $(PYTHON) $(VENV)
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .fuzz .peers
