# Everything here runs in the project's own .venv and on the embedded PostgreSQL, never on
# the database that DATABASE_URL names: for that one call .venv/bin/campaigndb yourself.

PYTHON ?= python3
# One more than the cores of a small machine: some tests only wait.
PYTEST_WORKERS ?= 3
PYTEST = .venv/bin/python -m pytest
# `make test PG_BIN=/usr/lib/postgresql/15/bin`: other server programs than the embedded ones.
PG_BIN ?= $(CAMPAIGNDB_PG_BIN)

export PYTHON
ifneq ($(origin PYTHON),file)
export PYTHON_IS_REQUESTED = yes
endif
ifneq ($(PG_BIN),)
export CAMPAIGNDB_PG_BIN = $(PG_BIN)
endif

# The environment decides where the server's programs and data are, and nothing else: a
# developer's own database, schema, roles or libpq defaults must not reach a test or a demo.
KEPT = CAMPAIGNDB_PG_BIN CAMPAIGNDB_SERVER_USER CAMPAIGNDB_DATA_DIR CAMPAIGNDB_TEST_SEED
unexport DATABASE_URL PYTHONPATH PYTHONHOME
# Hundreds of processes import the project: compiled once, they start in half of the time.
unexport PYTHONDONTWRITEBYTECODE
unexport $(filter-out $(KEPT),$(filter CAMPAIGNDB_% PG%,$(.VARIABLES)))

.DEFAULT_GOAL := help
.PHONY: setup demo test test-unit check bench performance torture revision generate seal help

setup: ## Make .venv with the pinned packages; a moment when it is up to date
	@sh scripts/setup.sh

demo: setup ## Show the database at work, on the embedded PostgreSQL (DEMO_ARGS=--keep)
	@.venv/bin/python -m examples.helsinki $(DEMO_ARGS)

test: setup ## Run the tests (PYTEST_ARGS="-k cost" PG_BIN=/usr/lib/postgresql/15/bin)
	@$(PYTEST) -n $(PYTEST_WORKERS) --dist worksteal $(PYTEST_ARGS)

test-unit: setup ## Run the tests that need no server: seconds
	@$(PYTEST) --unit -n 2 --dist worksteal $(PYTEST_ARGS)

check: setup ## Check format, style, types, layout and the revisions (against=COMMIT)
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy --python-version 3.11
	@.venv/bin/mypy --python-version 3.13
	@report=$$(.venv/bin/lint-imports --no-cache 2>&1) || { echo "$$report"; exit 1; }
	@.venv/bin/python -m scripts.generate --check
	@.venv/bin/campaigndb history check $(if $(against),--against $(against))

bench: setup ## Measure the functions (BENCH_ARGS="--json")
	@.venv/bin/python -m benchmarks $(BENCH_ARGS)

performance: setup ## Measure the functions and write docs/performance.md
	@mkdir -p build
	@.venv/bin/python -m benchmarks --json $(BENCH_ARGS) > build/bench.json
	@.venv/bin/python -m benchmarks.document build/bench.json

torture: setup ## Run the long fault-injection tests (SEED=1; PYTEST_ARGS as for test)
	@seed=$${SEED:-$${CAMPAIGNDB_TEST_SEED:-$$(date +%s)}}; echo "make torture SEED=$$seed"; \
	    CAMPAIGNDB_TEST_SEED=$$seed $(PYTEST) -m torture --timeout 1800 $(PYTEST_ARGS)

revision: setup ## Copy changed functions into a new revision (m="what changes")
	@if [ -z "$$m" ]; then \
	    echo 'make revision: say what changes: make revision m="count safe emails"' >&2; exit 2; \
	fi
	@.venv/bin/campaigndb revision "$$m"

generate: setup ## Write what is made from the catalogue and from the asynchronous callers
	@.venv/bin/python -m scripts.generate

seal: setup ## Refresh the sums of revisions that are not released
	@.venv/bin/campaigndb history seal $(if $(against),--against $(against))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile
