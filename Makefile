# One Makefile: `make demo`, `make test`, `make test-long`. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ORACLES := $(VENV)/.oracles
BENCH := .venv-bench
SEED ?=
ARTEFACT ?=
DEMO_ARGS := $(if $(SEED),--seed $(SEED)) $(if $(ARTEFACT),--artefact $(ARTEFACT))

.PHONY: help demo install test test-long lint format bench clean

help:
	@echo "make demo                    audit a model with a planted shortcut and its clean twin"
	@echo "make demo SEED=7 ARTEFACT=ink   plant another shortcut in a freshly trained model (minutes)"
	@echo "make test                    linters, types, import rules and the default tests"
	@echo "make test-long               the long jobs as well, and the public implementations to compare with"
	@echo "make bench                   speed and memory beside the peers (15 minutes); BENCH_ARGS=--quick for a trial"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/auditlens demo $(DEMO_ARGS)

$(BENCH)/.installed: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -e . \
		semanticlens==0.2.1 zennit-crp==0.6.0 scikit-learn
	@touch $@

bench: $(BENCH)/.installed
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BENCH)/bin/python -m benchmarks.bench $(BENCH_ARGS)

# Two processes, one file each at a time, with one thread of mathematics each: two cores are enough.
test: $(STAMP) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

$(ORACLES): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,oracles,dicom,huggingface,onnx]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'lxt>=2.1'
	@touch $@

test-long: $(ORACLES) test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m long

lint: $(STAMP)
	$(BIN)/ruff check auditlens tests benchmarks
	$(BIN)/ruff format --check auditlens tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)
	$(BIN)/ruff check --fix auditlens tests benchmarks
	$(BIN)/ruff format auditlens tests benchmarks

clean:
	rm -rf $(VENV) $(BENCH) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
