# The everyday verbs. `make demo` and `make test` are all a newcomer needs.
SHELL := /bin/sh
PY := .venv/bin/python
UV := .tools/bin/uv
# Three processes at least: the suite waits for a third of its time. Four on two cores gained nothing.
JOBS ?= $(shell n=$$(nproc); echo $$((n > 3 ? n : 3)))

# Some images keep Python from writing compiled modules down; every process started here would then compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test lint fmt types floors bench docs docs-check lock wheels clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | column -t -s '|'

setup: ## Make .venv with every command line in .venv/bin
	@./scripts/setup.sh

demo: setup ## Open a throwaway yard, run the examples in it, show what happened (KEEP=1 leaves it open)
	@$(PY) scripts/demo.py $(if $(KEEP),--keep) $(if $(SVG),--svg $(SVG))

test: setup ## Run every test (COV=1 reports coverage of the tests' own processes)
	$(PY) -m pytest -n $(JOBS) --max-worker-restart 2 --dist loadfile --no-loadscope-reorder $(if $(COV),--cov --cov-report=term) $(ARGS)

lint: setup ## Ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

fmt: setup ## Let ruff mend what it can
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format --quiet .

types: setup ## Mypy, strict; basedpyright, strict, for the clients that promise it
	$(PY) -m mypy
	cd sdks/python/portarium-client && ../../../$(PY) -m mypy --strict portarium_client/
	@for one in cl-client pie-client ambient-platform-sdk; do .venv/bin/basedpyright --project sdks/python/$$one --pythonpath $(PY) || exit 1; done

floors: setup ## Import-linter: arrows only point down
	.venv/bin/lint-imports

bench: setup ## Run the benchmarks and print their ratios
	@for one in benchmarks/bench_*.py; do echo "== $$one"; $(PY) $$one || exit 1; done

docs: setup ## Write the generated pages of the documentation
	$(PY) scripts/docs.py
	./scripts/codegen/generate-python-client.sh

docs-check: setup ## Fail when a generated page is out of date, or the generated client
	$(PY) scripts/docs.py --check
	./scripts/codegen/generate-python-client.sh --check

lock: ## Resolve every dependency anew into requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--all-extras --group pyproject.toml:dev server/pyproject.toml sdks/python/*/pyproject.toml -o requirements.lock

wheels: setup ## Build every package's wheel into dist/
	@for one in server sdks/python/wire sdks/python/ci-client sdks/python/cl-client sdks/python/pie-client sdks/python/ambient-platform-sdk sdks/python/portarium-client; do $(PY) -m build --wheel --no-isolation --outdir dist $$one >/dev/null || exit 1; done; ls dist

clean: ## Remove everything that was made here
	rm -rf .venv .tools dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
