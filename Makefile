# Writ: `make demo` runs the main job, `make test` runs all tests. `make help` lists the rest.
# Each target makes what it needs by itself: .venv from the locks, tools in .tools.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help venv venv-server tools demo serve test quick simulate bench check format lock soak clean

BIN := .venv/bin
# Passed on to the command: make demo ARGS="--once --data out"
ARGS ?=
# Which worlds to simulate, the last left out: make simulate SEEDS=0:500
SEEDS ?= 0:100

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv:  ## .venv with everything that developing needs
	@scripts/bootstrap.sh dev

venv-server:
	@scripts/bootstrap.sh server

demo: venv-server  ## the main job, on real prices (ARGS="--once --data DIR --orders N")
	@$(BIN)/writ demo $(ARGS)

serve: venv-server  ## the gateway (ARGS="--data DIR …")
	@$(BIN)/writ serve $(ARGS)

tools: venv  ## opa and the foreign verifiers of the tests, found or built into .tools
	@$(BIN)/python scripts/tools.py all

check: venv  ## format, lint, types, import contracts, dependencies, Rego
	@$(BIN)/python scripts/tools.py opa >/dev/null
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/writ policy check

quick: tools  ## the tests that a developer runs all day (ARGS="tests/unit -k name")
	$(BIN)/pytest -n auto --dist worksteal -q -m "not slow" $(ARGS)

test: tools check  ## everything: checks, all tests, traceability
	$(BIN)/pytest -n auto --dist worksteal -q --requirement-results=.tools/requirements.json $(ARGS)
	$(BIN)/python scripts/traceability.py .tools/requirements.json

simulate: venv  ## worlds with a hostile broker, crashes and virtual time (SEEDS=from:to)
	@PYTHONPATH=tests $(BIN)/python -m simulation $(SEEDS) $(ARGS)

bench: venv  ## measurements against what one would use instead (ARGS="--quick --only NAME", --full)
	@$(BIN)/python scripts/tools.py bench
	@$(BIN)/python -m bench $(ARGS)

soak: tools  ## kills the gateway under load, by the hour (ARGS="--kills 500 --minutes 60")
	@$(BIN)/python scripts/soak.py $(ARGS)

format: venv  ## formats and mends what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@opa=$$($(BIN)/python scripts/tools.py opa) && $$opa fmt --write policies

lock: venv  ## solves the lock files again (ARGS=--upgrade for newer versions)
	@scripts/lock.sh $(ARGS)

clean:  ## removes everything that make has made
	rm -rf .venv .tools .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
