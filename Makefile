# Every target does its own set-up; `make setup` is quick when there is nothing to do.
# Options: PYTHON=python3.12 to choose the interpreter, JOBS=4 to choose the test
# processes, BENCH_CAPTURES=… to choose what the judge is measured on.

BIN := .venv/bin
JOBS ?= auto
BENCH_CAPTURES ?= $(wildcard ../shared/captures/kamailio/sca-2*.pcap)

.PHONY: demo test setup scenarios kill-matrix lint bench clean

demo: setup
	$(BIN)/sipconform run --out reports/demo

test: setup
	$(BIN)/python -m pytest tests -n $(JOBS) --dist loadfile
	$(MAKE) --no-print-directory scenarios kill-matrix

setup:
	@PYTHON="$(PYTHON)" tools/setup

scenarios: setup
	$(BIN)/python -m pytest suites --out reports/scenarios

kill-matrix: setup
	$(BIN)/python tools/kill_matrix.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python tools/bench $(BENCH_CAPTURES)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
