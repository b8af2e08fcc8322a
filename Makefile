# Bare `make` lists the targets. Each sets up what it needs; python3 >= 3.11 with venv is all that is assumed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# The suite starts Python hundreds of times: what has been compiled once is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

UV_VERSION := 0.13.9
MEMBERS := libs/common libs/providers libs/cli services/gateway services/messaging services/payments services/registry services/storage services/webhooks services/sandbox deploy/local sdks/python
BIN := .venv/bin
READY := .venv/.ready
SOURCES := libs services deploy/local tests sdks
# The SDK is checked by its own configuration: it runs on older Pythons than the product.
TYPED := $(filter-out sdks,$(SOURCES)) sdks/python/scripts sdks/python/tests
# The newest python on the path that is new enough; PYTHON=/path/to/python chooses another.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# Half of the suite's time is waiting for engines: two processes a core, at most eight. PARALLEL= runs in one.
PARALLEL ?= -n $(shell echo $$(( $(CORES) < 4 ? 2 * $(CORES) : 8 ))) --dist loadscope
# Each has an Apache Kafka to itself.
PARALLEL_KAFKA ?= -n $(shell echo $$(( $(CORES) < 4 ? $(CORES) + 1 : 4 ))) --dist loadscope
# Whole files that `make test-long` runs are not even read: what they import takes each process two seconds.
UNREAD := -p no:schemathesis --ignore-glob='*/test_schemathesis.py'
# The registry's part of the API's description, which the gateway serves.
MANAGEMENT := services/gateway/src/onerouter_gateway/management/openapi.json
# The topics' description, as the gateway serves it.
TOPICS := services/gateway/src/onerouter_gateway/reference/asyncapi.json
# $(call write,module,file): a program's output in place of the file, which stays as it was when the program fails.
write = $(BIN)/python -m $(1) > $(2).new && mv $(2).new $(2) || { rm -f $(2).new; exit 1; }
SERVICE ?=
ARGS ?=

.PHONY: help setup fmt lint types layers generated check test test-long test-kafka test-chaos bench bench-hooks bench-svix demo up down migrate topics docs sdk lock clean

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
	@$(BIN)/mypy $(TYPED)
	@$(BIN)/mypy --config-file sdks/python/pyproject.toml -p onerouter

layers: $(READY)  ## What may import what (import-linter)
	@$(BIN)/lint-imports

generated: $(READY)  ## What is generated of the SDK is current
	@$(BIN)/python -m sdks.python.scripts.make_types --check
	@$(BIN)/python -m sdks.python.scripts.make_typed --check
	@$(BIN)/python -m sdks.python.scripts.make_sync --check
	@$(BIN)/python -m sdks.python.scripts.make_reference --check

check: lint types layers generated released  ## lint + types + layers + generated + released

released: $(READY)  ## Whether the API and the topics keep what docs/released promises
	@$(BIN)/python -m onerouter_server.breaking docs/released docs

test: $(READY)  ## The suite on real embedded engines (ARGS="-k refund -x")
	@$(BIN)/pytest $(PARALLEL) $(UNREAD) -m "not chaos and not bench and not long" $(ARGS)

test-long: $(READY)  ## What takes longer: generated requests, rotating keys under load, a certified OpenID provider
	@$(BIN)/pytest $(PARALLEL) -m "long" $(ARGS)

test-kafka: $(READY)  ## The suite on Apache Kafka itself (needs Java 17 and Maven)
	@ONEROUTER_TEST_BROKER=kafka $(BIN)/pytest $(PARALLEL_KAFKA) $(UNREAD) -m "(kafka or stack) and not chaos and not bench and not long" $(ARGS)
	@ONEROUTER_TEST_BROKER=kafka $(BIN)/pytest tests/chaos -m chaos $(ARGS)

test-chaos: $(READY)  ## Kill processes at random while payments flow
	@$(BIN)/pytest tests/chaos -m chaos -s $(ARGS)

bench: $(READY)  ## Measure the request path against a direct proxy, a key's check and its end, the SDK, a bulk send's neighbour, webhooks, the log
	@$(BIN)/python -m tests.bench.key_check --report-only
	@$(BIN)/python -m tests.bench.revocation --report-only
	@$(BIN)/python -m tests.bench.sdk --report-only
	@$(MAKE) bench-hooks ARGS=--report-only
	@$(BIN)/python -m tests.bench.messaging_neighbours
	@$(BIN)/python -m tests.bench.operations_log
	@$(BIN)/python -m tests.bench.run $(ARGS)

bench-hooks: $(READY)  ## Measure callbacks in, and events out on both brokers (ARGS="--report-only --write": into docs/performance.md)
	@$(BIN)/python -m tests.bench.callbacks $(ARGS)
	@$(BIN)/python -m tests.bench.deliveries $(ARGS)

bench-svix: $(READY)  ## Measure events out beside Svix's server (SVIX_SERVER=/path/to/svix-server, ARGS="--write")
	@$(BIN)/python -m tests.bench.svix $(ARGS)

demo: $(READY)  ## Watch a payment, messages and files go all the way, each step verified
	@$(BIN)/python -m onerouter_local demo $(ARGS)

up: $(READY)  ## Start everything here; Ctrl-C stops it (ARGS="--fresh" starts over)
	@$(BIN)/python -m onerouter_local up $(ARGS)

down: $(READY)  ## Stop what `make up` started
	@$(BIN)/python -m onerouter_local down $(ARGS)

migrate: $(READY)  ## Bring databases up to date (SERVICE=messaging; DATABASE_URL set)
	@$(BIN)/onerouter migrate $(SERVICE)

topics: $(READY)  ## Create missing topics (KAFKA_BOOTSTRAP_SERVERS set)
	@$(BIN)/onerouter topics $(ARGS)

docs: $(READY)  ## Write docs/openapi.json and the types of the SDK, asyncapi.json, configuration.md, capabilities.md and event-types.md
	@$(call write,onerouter_registry.openapi,$(MANAGEMENT))
	@$(call write,onerouter_gateway.openapi,docs/openapi.json)
	@$(call write,onerouter_server.asyncapi,docs/asyncapi.json)
	@cp docs/asyncapi.json $(TOPICS)
	@$(call write,onerouter_server.configuration,docs/configuration.md)
	@$(call write,onerouter_server.capabilities,docs/capabilities.md)
	@$(call write,onerouter_gateway.events.document,docs/event-types.md)
	@$(BIN)/python -m sdks.python.scripts.make_types
	@git diff --stat -- docs $(MANAGEMENT) sdks $(TOPICS)

sdk: $(READY)  ## Write the SDK's types, its synchronous client and its reference
	@$(BIN)/python -m sdks.python.scripts.make_types
	@$(BIN)/python -m sdks.python.scripts.make_typed
	@$(BIN)/python -m sdks.python.scripts.make_sync
	@$(BIN)/python -m sdks.python.scripts.make_reference
	@git diff --stat -- sdks

lock: $(READY)  ## Resolve requirements.lock again
	@$(BIN)/uv pip compile --universal --generate-hashes --python-version 3.11 -o requirements.lock --group dev \
		$(foreach member,$(MEMBERS),--no-emit-package $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(member)/pyproject.toml)) \
		$(MEMBERS:%=%/pyproject.toml)

clean:  ## Remove .venv, caches and local data
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m onerouter_local down >/dev/null 2>&1 || true; fi
	@rm -rf .venv .cache .onerouter .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
