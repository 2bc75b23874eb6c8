# `make help` says what there is. Everything runs inside .venv, which `make setup` makes.
SHELL = /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL = help
.PHONY: help setup demo demo-once check test test-fast lint types bench chaos lock env stop clean

# Packages of another environment must not be picked up by this one.
unexport PYTHONPATH PYTHONHOME
PY = .venv/bin/python
# Several test files at once (tests/conftest.py says how many); a file's tests stay together.
PYTEST = $(PY) -m pytest --numprocesses auto --dist loadfile

help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@echo
	@awk -F ' ## ' '/^[a-z-]+:.* ## / { split($$1, name, ":"); printf "  %-10s %s\n", name[1], $$2 }' Makefile
	@echo
	@echo "Options of the demo go into ARGS: make demo ARGS='--ui-port 8090 --customers 500'"

setup: ## the virtual environment .venv with all pinned packages (done once; afterwards it costs nothing)
	@tools/setup.sh

demo: setup ## sandbox NetSuite and Klaviyo accounts and Airflow: runs the flows, checks the outcome, stays up until Ctrl-C
	@$(PY) -m netsuite_connector.demo $(ARGS)

demo-once: setup ## the same, but it ends after the table; exit status 0 only if every number adds up
	@$(PY) -m netsuite_connector.demo --once $(ARGS)

check: setup ## tries the stores' real connections step by step (STORE=name: one store); a running demo is found by itself
	@if [ -z "$$AIRFLOW_HOME" ] && [ -f .demo/environment ]; then . ./.demo/environment; fi; \
	$(PY) -m netsuite_connector check $(if $(STORE),--store '$(STORE)') $(ARGS)

test: setup ## lint, types and all tests
	@$(MAKE) lint
	@$(MAKE) types
	@tools/witness.sh || echo 'The witnesses are not here: tests that need them skip.'
	@$(PYTEST) $(ARGS)

test-fast: setup ## the tests that need neither a whole line nor a scheduler
	@$(PYTEST) -m 'not line and not scheduler' $(ARGS)

lint: setup ## style and common mistakes (ruff)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: setup ## types (mypy)
	@$(PY) -m mypy

bench: setup ## how fast each stage is, measured on this machine
	@$(PY) -m bench $(ARGS)

chaos: setup ## seeds of faults and kills, after which both accounts must agree (docs/chaos.md; ARGS='--seeds 5 --airflow 0')
	@$(PY) -m chaos $(ARGS)

lock: setup ## constraints.txt anew from the requirements files (ARGS=--upgrade: newest versions)
	@tools/lock.sh $(ARGS)

env: setup ## .env for Docker, with new random secrets (never overwrites one)
	@$(PY) tools/env.py

stop: ## ends what a demo of this checkout left running
	@if [ -x $(PY) ]; then $(PY) -m netsuite_connector.demo --stop; else echo 'nothing to stop: the project is not set up'; fi

clean: stop ## removes all that was made here: .venv, the demo's state, caches
	@rm -rf .venv .witness .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist include/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
