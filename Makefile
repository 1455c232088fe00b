# `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test lint check bench format lock clean

SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c '$(SUITS)' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
T ?= tests
N ?= 2
PEERS ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(BIN)/queueway ## start everything: embedded Redis, web, worker
	@exec $(BIN)/queueway up

test: $(BIN)/.dev ## run all tests; T=path runs some
	$(BIN)/pytest -n $(N) $(T)

lint: $(BIN)/.dev ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint ## lint, types, unit and architecture tests
	$(BIN)/pytest -q -n $(N) tests/unit tests/architecture

bench: $(BIN)/.dev ## measure; PEERS=1 measures other gateways too, ARGS= are passed on
	$(BIN)/python -m bench.run $(if $(PEERS),--peers) $(ARGS)

format: $(BIN)/.dev ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(BIN)/.dev ## resolve the dependencies anew
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean: ## remove the virtual environment and the state
	rm -rf .venv var bench/build

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(SUITS)' \
		|| { echo "Queueway needs Python 3.11 or 3.12; set PYTHON=/path/to/one" >&2; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "python cannot make a virtual environment; install its venv package (python3-venv)" >&2; exit 1; }

$(BIN)/queueway: .venv/pyvenv.cfg requirements.lock pyproject.toml
	@echo "installing the locked dependencies"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(BIN)/.dev: $(BIN)/queueway requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
