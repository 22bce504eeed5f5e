# make run · make test · make check. All of it lives in .venv, which is made when it is first needed.
# Another interpreter: make run PYTHON=python3.13        Another port: make run PORT=8502
# For others on the network, too: make run HOST=0.0.0.0

PYTHON ?= $(shell for each in python3.12 python3.13 python3.11 python3 python; do \
	$$each -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$each && break; done)
PORT ?= 8501
# This machine alone. What opening it to a network means stands in the README.
HOST ?= 127.0.0.1
BIN := .venv/bin
TESTS ?= tests
# Processes that run tests; tests of one file stay together, since they share servers and trained runs.
JOBS ?= 2
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile
# Without a browser, trainings, converters and the wheel.
FAST := tests/unit tests/studio tests/js tests/test_imports.py tests/test_readme.py tests/app/test_predict.py \
	--ignore tests/unit/training --ignore tests/unit/models/test_export.py

# Without bytecode on disk, importing TensorFlow takes about ten times as long.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help run test test-fast check format screenshots browser node clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1#\2/p' Makefile | column -t -s '#' 2>/dev/null || grep '## ' Makefile

run: .venv/app.stamp ## make the environment if need be, and open the app
	$(BIN)/python -m unet run --host $(HOST) --port $(PORT)

test: .venv/dev.stamp $(if $(filter tests tests/browser%,$(TESTS)),browser) $(if $(filter tests tests/js%,$(TESTS)),node) ## run every test; TESTS=tests/unit runs a part
	$(PYTEST) $(TESTS)

test-fast: .venv/dev.stamp node ## run the tests that take no browser and no training
	$(PYTEST) $(FAST)

check: .venv/dev.stamp ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@tools/types.sh $(BIN)/python

format: .venv/dev.stamp ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

screenshots: .venv/dev.stamp browser ## take the README's pictures from the running app
	$(BIN)/python -m tools.screenshots

browser: .venv/dev.stamp
	@tools/browser.sh $(BIN)/python

node: .venv/dev.stamp
	@tools/node.sh $(BIN)/python >/dev/null

clean: ## remove the environment and what the tools left; workspace/ stays
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis test-results

# ---- the environment -------------------------------------------------------------------------------------------

$(BIN)/pip:
	@test -n "$(PYTHON)" || { \
		echo "No suitable Python here: version 3.11, 3.12 or 3.13 with its venv module is needed" \
			"(on Debian and Ubuntu: apt-get install python3-venv)."; \
		echo "If it has another name or place: make run PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/app.stamp: requirements.txt $(BIN)/pip
	$(BIN)/python -m pip install -q -r requirements.txt
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/app.stamp
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	@touch $@
