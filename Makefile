# Everything a developer calls. `make` alone lists the targets.
#   ARGS    arguments for the called program, e.g. make run ARGS="episodes:=2 viewer:=false"
#   PYTHON  interpreter that .venv is made from (3.10 to 3.13)
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
N ?= 20
BASE ?= HEAD
SWEEPS ?=

.PHONY: help setup build run test test-learning test-cluster faults fuzz attacks same-bits loop-speed results check format clean distclean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: ## create .venv, install the pinned packages, build the workspace; does only what is not done yet
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: Debian packages python3 python3-venv python3-dev"; exit 1; }
	@$(PYTHON) tools/bootstrap.py

build: setup ## the same: builds the packages that changed

run: setup ## an Ant walks the maze through a ROS 2 graph
	@$(BIN)/hrl launch hiro_ant.launch.py $(ARGS)

test: setup ## run every test but those of test-learning and test-cluster; ARGS go to pytest
	@$(BIN)/python tools/run_tests.py $(ARGS)

test-learning: setup ## run the tests that learn a task, kill again and again or drive a browser, for minutes
	@$(BIN)/python tools/run_tests.py learning $(ARGS)

test-cluster: setup ## run the tests that start clusters of many processes, for minutes
	@$(BIN)/python tools/run_tests.py cluster $(ARGS)

faults: setup ## kill and freeze nodes at random moments, N=20 times; kill in 20 episodes of every clock mode
	@$(BIN)/python tools/fault_campaign.py --injections $(N) $(ARGS)
	@$(BIN)/python tools/restart_campaign.py

fuzz: setup ## damage files at random and read them with the commands, N=20 times
	@$(BIN)/python tools/fuzz_files.py --mutations $(N) $(ARGS)

attacks: setup ## try against a live stack what strangers could; fails if anything works
	@$(BIN)/python tools/attacks.py

same-bits: setup ## train a little with the sources of commit BASE and with these: the same weights?
	@$(BIN)/python tools/same_bits.py $(BASE) $(ARGS)

loop-speed: setup ## env steps/s of hrl train --preset fast with the sources of commit BASE and with these, in turn
	@$(BIN)/python tools/loop_speed.py $(BASE) $(ARGS)

results: setup ## write docs/results_over_seeds.md and its table in docs/results.md anew; SWEEPS="runs/a runs/b" takes these in first
	@$(BIN)/python tools/results_page.py $(SWEEPS)

check: setup ## linter, formatting, types, import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: setup ## format the sources and repair what the linter can
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

clean: ## remove what the build made
	rm -rf build install log build.removed install.removed

distclean: clean ## remove the virtual environment as well
	rm -rf .venv .venv.removed .setup.lock
