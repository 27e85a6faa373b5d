# Everything that a checkout can do. Two are enough to begin with: `make demo` and `make test`.

PYTHON ?= python3
QUESTION ?= How do I merge several sorted inputs?
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
KEPT := tests/acceptance/supervision tests/acceptance/test_packaging.py tests/acceptance/test_rag_docs.py
ALONE := $(filter-out tests/acceptance tests/conformance tests/integration tests/conftest.py,$(wildcard tests/[a-z]*))
STORED := tests/integration/meta tests/integration/relay
SEEN := tests/acceptance/app tests/conformance tests/integration
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint chromium bench venv compiled clean

help:
	@echo "make demo    build .venv once and run examples/rag_docs; again: only what is not up to date"
	@echo "make test    lint, types and the whole test suite"
	@echo "make lint    lint and types only"
	@echo "make bench   the figures, beside their targets"
	@echo "make venv    .venv with everything that development needs"
	@echo "make clean   remove .venv, caches, and what the examples made"

demo: $(RUN)
	@cd examples/rag_docs && ../../$(BIN)/penstock materialize
	@cd examples/rag_docs && ../../$(BIN)/python ask.py "$(QUESTION)"

# Three lanes for two cores: what stays up and is installed, which mostly waits, and after it what needs no process, and
# the stores; the app and the rest of the integration; and the other tests from outside. They take about as long, and the
# first two are told behind the last.
test: lint chromium compiled
	@$(BIN)/python -m pytest $(KEPT) $(ALONE) $(STORED) > .kept.log 2>&1 & kept=$$!; \
	$(BIN)/python -m pytest $(SEEN) $(addprefix --ignore ,$(STORED)) > .seen.log 2>&1 & seen=$$!; \
	$(BIN)/python -m pytest tests/acceptance $(addprefix --ignore ,$(KEPT) $(SEEN)); code=$$?; \
	wait $$kept || code=1; wait $$seen || code=1; cat .kept.log .seen.log; exit $$code

# As pip leaves a package that it has installed. Else every process of tests and figures compiles it where the
# environment forbids Python to write down what it has compiled.
compiled: $(DEV)
	@$(BIN)/python -m compileall -q assets lineage storage testing ui

# The browser that the tests of the app drive; where it can be neither found nor installed they are skipped, and say so.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && echo "Installing chromium for the tests of the app …" && { apt-get install -yqq chromium || { apt-get update -qq && apt-get install -yqq chromium; }; } >/dev/null 2>&1; } \
	  || echo "No chromium: the tests of the app are skipped. Install it: apt-get install chromium"

lint: $(DEV)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/basedpyright --pythonpath $(BIN)/python

bench: compiled
	@set -e; for figure in benchmarks/[a-z]*.py; do $(BIN)/python $$figure; done

venv: $(DEV)

# The stamps say what .venv holds: a second call installs nothing unless what is asked for has changed.
$(RUN): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "penstock needs Python 3.11 or newer, $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12 demo" % v[:2])'
	@echo "Installing into .venv, about a minute, once …"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) -e '.[examples]'
	@touch $@

$(DEV): $(RUN)
	@echo "Installing what development needs …"
	@$(INSTALL) -e '.[dev,examples]'
	@touch $@

clean:
	@rm -rf .venv .kept.log .seen.log build dist *.egg-info .coverage .hypothesis .pytest_cache .ruff_cache
	@rm -rf examples/*/.penstock examples/*/data
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
