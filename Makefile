# Every target does its own set-up; `make setup` is quick when there is nothing to do.
# Options: PYTHON=python3.12 to choose the interpreter, JOBS=4 to choose the test
# processes, BENCH_CAPTURES=… to choose what the judge is measured on.

BIN := .venv/bin
JOBS ?= auto
# What `make test` plays on real sockets, beside everything on the simulated network. All of it
# in real time takes about a quarter of an hour: `make scenarios STORIES=suites`.
STORIES ?= suites/calls suites/feature_sync/test_dnd.py suites/shared_line/test_stories.py \
	suites/shared_line/test_many.py suites/hunt_group/test_ring_all.py \
	suites/hotspot/test_group_ringing.py suites/feature_codes/test_codes.py
STREAMED := suites/feature_sync/test_dnd.py suites/shared_line/test_stories.py \
	suites/feature_codes/test_answers.py::test_the_prompt_is_heard \
	suites/feature_codes/test_answers.py::test_a_code_given_up_while_the_prompt_plays_is_done_once \
	suites/feature_codes/test_effect.py::test_dnd_by_code_refuses_calls \
	suites/feature_codes/test_effect.py::test_a_change_by_code_reaches_phones_that_subscribe \
	suites/csta/test_session.py::test_dnd_at_the_server_reaches_the_phone \
	suites/csta/test_session.py::test_code_session_and_subscription_agree
BENCH_CAPTURES ?= $(wildcard ../shared/captures/kamailio/sca-2*.pcap)

.PHONY: demo test setup scenarios kill-matrix lint bench clean

DEMO := suites/calls suites/feature_sync/test_dnd.py suites/shared_line/test_stories.py suites/hunt_group/test_ring_all.py

demo: setup
	$(BIN)/sipconform run $(DEMO) --out reports/demo
	@echo "the command is $(BIN)/sipconform; put $(BIN) on your PATH, or activate it: . $(BIN)/activate"

test: setup
	$(BIN)/python -m pytest tests -n $(JOBS) --dist loadfile
	$(MAKE) --no-print-directory scenarios kill-matrix

setup:
	@PYTHON="$(PYTHON)" tools/setup

scenarios: setup
	$(BIN)/python -m pytest suites --network simulated --out reports/simulated
	$(BIN)/python -m pytest suites/feature_sync --network simulated --profile metaswitch --transport tcp --ip 6 --out reports/simulated-tcp
	$(BIN)/python -m pytest suites/feature_sync --network simulated --profile fortinet --transport tls --out reports/simulated-tls
	$(BIN)/python -m pytest $(STORIES) --out reports/scenarios
	$(BIN)/python -m pytest $(STREAMED) --transport tcp --ip 6 --out reports/scenarios-tcp
	$(BIN)/python -m pytest $(STREAMED) --transport tls --out reports/scenarios-tls

kill-matrix: setup
	$(BIN)/python tools/kill_matrix.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python tools/bench $(BENCH_CAPTURES)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
