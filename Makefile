# Haltdesk: everything that one does with this repository. Needs make and Python 3.11 or newer; the rest is fetched
# into .venv, from the lock and by its hashes. The system's own Python is not touched.

.DEFAULT_GOAL := help
.PHONY: help demo test storm check bench format clean
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
CODE := bot handlers tests

# uv from PATH, or else one of our own inside .venv.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo .venv/uv/bin/uv)

help:
	@echo "make demo    the whole desk on this machine: Slack, broker and alerts are simulated, Haltdesk is real"
	@echo "make test    all tests"
	@echo "make storm   the storms at full size: ten thousand alerts, and processes killed again and again (half an hour)"
	@echo "make check   format, lint, types, imports"
	@echo "make bench   how quick halts, webhooks, buttons and the start are, beside plain programs"
	@echo "make format  put the code into the format that make check asks for"
	@echo "make clean   remove .venv and what the tools left"

demo: .venv/.ready
	$(BIN)/haltdesk demo

test: .venv/.ready-dev
	$(BIN)/pytest -n 4 --dist worksteal

storm: .venv/.ready-dev
	$(BIN)/pytest -s -m full

check: .venv/.ready-dev
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/.ready-dev
	$(BIN)/python -m tests.benchmarks

format: .venv/.ready-dev
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix-only $(CODE)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

# The environment itself. Without uv, the standard library makes it, and pip fetches uv into a corner of it.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Haltdesk needs Python 3.11 or newer, and $(PYTHON) is older. Try: make PYTHON=python3.12" >&2; exit 1; }
ifeq ($(UV),.venv/uv/bin/uv)
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m venv .venv/uv
	.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
else
	$(UV) venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
endif
	@touch $@

.venv/.ready: .venv/.made requirements.txt pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@
