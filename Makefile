# Everything a guest needs: `make demo`, `make test`. Each target first makes .venv when it must.
#
# The first run needs Python 3.11 to 3.13 and pip's usual sources, no root. PYTHON=python3.12 picks
# another interpreter. Where pip would fetch torch's large CUDA build and you want the CPU build:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUNTIMES := $(VENV)/.runtimes
HOROVOD := $(VENV)/.horovod

# Two tests at a time, each in one thread: their tensors are too small for more.
TESTS := $(BIN)/python -m pytest -q --numprocesses 2 --dist worksteal --durations 25

# Keep freed memory in the process: training steps on a CPU take about a fifth less time.
demo smoke: export MALLOC_MMAP_THRESHOLD_ = 4294967296
demo smoke: export MALLOC_TRIM_THRESHOLD_ = 4294967296
demo smoke: export MALLOC_TOP_PAD_ = 268435456
test quick: export OMP_NUM_THREADS = 1
# Threads that wait by spinning make the tests take four times as long where others use the cores.
test quick: export OMP_WAIT_POLICY = passive
# Some shells forbid it; the tests start a hundred processes, and each would compile all files anew.
unexport PYTHONDONTWRITEBYTECODE

# mpirun wants these two before it starts anything for root, as in a container.
test: export OMPI_ALLOW_RUN_AS_ROOT = 1
test: export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM = 1

.DEFAULT_GOAL := help

.PHONY: help demo smoke test quick runtimes horovod check fix clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## walk the main road on real data: measure, search, train, compare; DEMO= adds flags
	$(BIN)/python -m examples.main_road --out runs/demo $(DEMO)

SMOKE := --space smoke --limit 2000 --held-out 500 --search-epochs 3 --warmup-epochs 1 --epochs 1 \
	--widths 1.0 --randoms 1 --fit 6 --test 8 --target-ratio 0.85 --spread-s 0 --compress-to 0.95 --compress-epochs 0

smoke: $(READY) ## the same road in two minutes: a tiny space and a slice of the data
	rm -rf runs/smoke
	$(BIN)/python -m examples.main_road $(SMOKE) --out runs/smoke

test: $(READY) $(RUNTIMES) $(HOROVOD) ## all tests; needs a C++ compiler, for Horovod
	$(TESTS)

quick: $(READY) $(RUNTIMES) ## the tests that take less than two minutes together
	$(TESTS) -m "not slow"

runtimes: $(RUNTIMES) ## TVM and OpenVINO, to measure with, and Optuna, to search with

horovod: $(HOROVOD) ## Horovod and MPI for several workers; compiles for minutes, once per machine

check: $(READY) $(RUNTIMES) ## lint, format and types; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

fix: $(READY) ## mend what ruff can mend, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and caches; runs/ and downloaded data stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	touch $@

# TVM and OpenVINO, what latency tables can be measured with besides ONNX Runtime and torch; Optuna,
# which some strategies of `compression auto` ask.
$(RUNTIMES): $(READY)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[openvino,optuna,tvm]'
	touch $@

$(HOROVOD): $(READY) requirements-horovod.lock training/workers/build_horovod.sh
	training/workers/build_horovod.sh
	touch $@
