# Everything that a checkout can do. Two are enough to begin with: `make demo` and `make test`.

PYTHON ?= python3
QUESTION ?= How do I merge several sorted inputs?
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
BESIDE := tests/acceptance/supervision tests/acceptance/app
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

# Two halves that take as long, for two cores: the tests of what stays up and of the app run beside the others, and are
# told behind them.
test: lint chromium compiled
	@$(BIN)/python -m pytest $(BESIDE) > .beside.log 2>&1 & beside=$$!; \
	$(BIN)/python -m pytest $(BESIDE:%=--ignore %); code=$$?; \
	wait $$beside || code=1; cat .beside.log; exit $$code

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
	@rm -rf .venv .beside.log build dist *.egg-info .coverage .hypothesis .pytest_cache .ruff_cache
	@rm -rf examples/*/.penstock examples/*/data
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
