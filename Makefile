# Bare `make` lists the targets. Each sets up what it needs; python3 >= 3.11 with venv is all that is assumed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# The suite starts Python hundreds of times: what has been compiled once is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

UV_VERSION := 0.13.9
MEMBERS := libs/common libs/providers libs/cli services/gateway services/payments services/registry services/webhooks services/sandbox deploy/local
BIN := .venv/bin
READY := .venv/.ready
SOURCES := libs services deploy/local tests
# The newest python on the path that is new enough; PYTHON=/path/to/python chooses another.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# Most of the suite waits for engines: two processes halve that. PARALLEL= runs in one.
PARALLEL ?= -n 2 --dist loadscope
# The registry's part of the API's description, which the gateway serves.
MANAGEMENT := services/gateway/src/onerouter_gateway/management/openapi.json
# $(call write,module,file): a program's output in place of the file, which stays as it was when the program fails.
write = $(BIN)/python -m $(1) > $(2).new && mv $(2).new $(2) || { rm -f $(2).new; exit 1; }
SERVICE ?=
ARGS ?=

.PHONY: help setup fmt lint types layers check test test-long test-kafka test-chaos bench demo up down migrate topics docs lock clean

help:  ## List the targets
	@printf '\n  \033[1mOneRouter\033[0m  one API for payments, messages and storage\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[36m%-11s\033[0m %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\n  New here?  \033[1mmake demo\033[0m  then  \033[1mmake up\033[0m\n\n'

setup: $(READY)  ## Make .venv with the locked dependencies

$(READY): requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@test -n "$(PYTHON)" || { echo "OneRouter needs Python 3.11 or newer with venv (Debian: apt install python3-venv)."; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv && $(BIN)/uv --version | grep -qF " $(UV_VERSION)" || $(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --compile-bytecode --require-hashes -r requirements.lock
	@rm -rf .venv/lib/python*/site-packages/tests  # wheels of PayPal's client bring a package of our tests' name, which would hide ours
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install -q --no-deps $(MEMBERS:%=-e %)
	@touch $@

fmt: $(READY)  ## Format, and fix what can be fixed
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

lint: $(READY)  ## Style and mistakes (ruff)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

types: $(READY)  ## mypy --strict
	@$(BIN)/mypy $(SOURCES)

layers: $(READY)  ## What may import what (import-linter)
	@$(BIN)/lint-imports

check: lint types layers  ## lint + types + layers

test: $(READY)  ## The suite on real embedded engines (ARGS="-k refund -x")
	@$(BIN)/pytest $(PARALLEL) -m "not chaos and not bench and not long" $(ARGS)

test-long: $(READY)  ## What takes longer: generated requests, rotating keys under load, a certified OpenID provider
	@$(BIN)/pytest $(PARALLEL) -m "long" $(ARGS)

test-kafka: $(READY)  ## The suite on Apache Kafka itself (needs Java 17 and Maven)
	@ONEROUTER_TEST_BROKER=kafka $(BIN)/pytest $(PARALLEL) -m "(kafka or stack) and not chaos and not bench and not long" $(ARGS)
	@ONEROUTER_TEST_BROKER=kafka $(BIN)/pytest tests/chaos -m chaos $(ARGS)

test-chaos: $(READY)  ## Kill processes at random while payments flow
	@$(BIN)/pytest tests/chaos -m chaos -s $(ARGS)

bench: $(READY)  ## Measure the request path against a direct proxy, and the check of a key
	@$(BIN)/python -m tests.bench.key_check --report-only
	@$(BIN)/python -m tests.bench.run $(ARGS)

demo: $(READY)  ## Watch one payment go all the way, each step verified
	@$(BIN)/python -m onerouter_local demo $(ARGS)

up: $(READY)  ## Start everything here; Ctrl-C stops it (ARGS="--fresh" starts over)
	@$(BIN)/python -m onerouter_local up $(ARGS)

down: $(READY)  ## Stop what `make up` started
	@$(BIN)/python -m onerouter_local down $(ARGS)

migrate: $(READY)  ## Bring databases up to date (SERVICE=payments; DATABASE_URL set)
	@$(BIN)/onerouter migrate $(SERVICE)

topics: $(READY)  ## Create missing topics (KAFKA_BOOTSTRAP_SERVERS set)
	@$(BIN)/onerouter topics $(ARGS)

docs: $(READY)  ## Write docs/openapi.json, asyncapi.json, configuration.md and capabilities.md
	@$(call write,onerouter_registry.openapi,$(MANAGEMENT))
	@$(call write,onerouter_gateway.openapi,docs/openapi.json)
	@$(call write,onerouter_server.asyncapi,docs/asyncapi.json)
	@$(call write,onerouter_server.configuration,docs/configuration.md)
	@$(call write,onerouter_server.capabilities,docs/capabilities.md)
	@git diff --stat -- docs $(MANAGEMENT)

lock: $(READY)  ## Resolve requirements.lock again
	@$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 -o requirements.lock --group dev \
		$(foreach member,$(MEMBERS),--no-emit-package $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(member)/pyproject.toml)) \
		$(MEMBERS:%=%/pyproject.toml)

clean:  ## Remove .venv, caches and local data
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m onerouter_local down >/dev/null 2>&1 || true; fi
	@rm -rf .venv .cache .onerouter .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
