# `make demo` and `make test` do all the set-up themselves. They need Python 3.11 or later and make, nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test quick check lint form types imports documents format docs bench ci clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.made-from-lock
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .uv/bin/uv)
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# One line for each step that succeeds; everything a step said where it fails.
define step
	@printf '  %-34s' '$(1)'; if said=$$($(2) 2>&1); then echo ok; else echo FAILED; printf '%s\n' "$$said"; exit 1; fi
endef

help: ## What can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: $(READY) ## A simulated portfolio, live, in this terminal: broker, worker, alerts
	@$(BIN)/riskwatch demo

test: $(READY) ## All tests; those that need Kafka skip where Java and Maven (or Docker) are absent
	@$(BIN)/pytest -q

quick: $(READY) ## The tests that need no Kafka
	@$(BIN)/pytest -q -m 'not connected'

check: lint form types imports documents ## Lint, format, types, what may import what, generated documents

lint: $(READY)
	$(call step,lint,$(BIN)/ruff check)

form: $(READY)
	$(call step,format,$(BIN)/ruff format --check)

types: $(READY)
	$(call step,types,$(BIN)/mypy)

imports: $(READY)
	$(call step,imports,$(BIN)/lint-imports)

documents: $(READY)
	$(call step,generated documents,.ci/documents --check)

format: $(READY) ## Put the code in form
	@$(BIN)/ruff check -q --fix
	@$(BIN)/ruff format -q

docs: $(READY) ## Write the generated documents anew
	@.ci/documents

bench: $(READY) ## riskwatch, plain Faust, Quix Streams and Bytewax on the same Kafka (up to 30 minutes)
	@$(BIN)/python -m bench.run $(ARGS)

ci: ## What continuous integration runs
	@.ci/run

clean: ## Remove what was made: environment, caches, Kafka's jars, results
	@rm -rf $(VENV) .uv .kafka .bench out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml uv.lock | $(filter .uv/%,$(UV))
	@echo 'Making the environment from uv.lock; the first time this takes a minute or two.'
	@$(UV) sync --quiet --locked --all-extras --compile-bytecode
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m riskwatch.features.kernel
	@touch $@

.uv/bin/uv:
	@test -n '$(PYTHON)' || { echo 'riskwatch needs Python 3.11 or later on the PATH (or make PYTHON=/path/to/python).'; exit 1; }
	@echo 'Fetching uv.'
	@$(PYTHON) -m venv .uv || { rm -rf .uv; echo 'Python came without its venv module: install it (Debian: python3-venv).'; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv
