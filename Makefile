# Everything is set up by scripts/setup.sh: it finds a Python >= 3.12, makes .venv and installs, once.
#   make run ARGS="--port 9000"        flags for the proxy
#   make test ARGS="tests/routing -x"  flags for pytest

SHELL := /bin/bash
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run web test bench check lint format setup

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Start the proxy (base URL on 127.0.0.1:8000, HTTP proxy on 127.0.0.1:8080)
	@exec $(BIN)/parley serve $(ARGS)

web: setup ## The same under mitmweb, to watch every exchange in a browser
	@exec $(BIN)/parley web $(ARGS)

check: setup ## Validate the configuration and say what is missing
	@$(BIN)/parley check $(ARGS)

test: ## Run the whole test suite
	@scripts/setup.sh --clients
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

bench: setup ## Measure the cost per request and per token
	@$(BIN)/python -m scripts.bench $(ARGS)

lint: setup ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

format: setup ## Put the code into the one format
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

setup: ## Make .venv and install (every other target does it by itself)
	@scripts/setup.sh
