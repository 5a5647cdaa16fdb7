# Everything a newcomer types. `make demo` and `make test` set up what they need; nothing else is to be typed first.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.stamp
BIN := $(VENV)/bin

.PHONY: help setup deps demo check test long fuzz chaos bench docs wheel clean

help: ## what can be typed here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(STAMP) ## virtual environment with everything

$(STAMP): pyproject.toml
	@exec sh deploy/setup.sh "$(PYTHON)" "$(VENV)"

deps: ## Debian packages that the tests talk to (DEPS=0: none)
	@exec sh deploy/deps.sh

demo: $(STAMP) ## emulated meters read into MQTT; ARGS="--for 20", ARGS="--broker mqtt://HOST:PORT"
	@exec $(BIN)/python -m meterbench.demo $(ARGS)

check: $(STAMP) ## formatting, lint, types, directions of import
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP) deps check ## all tests but the long ones
	$(BIN)/pytest -q -n auto -m "not long" $(ARGS)

long: $(STAMP) deps ## the long ones too
	$(BIN)/pytest -q -n auto $(ARGS)

fuzz: $(STAMP) ## coverage-guided fuzzing, SECONDS each target
	@exec $(BIN)/python -m tests.fuzz --seconds $${SECONDS_EACH:-600}

chaos: $(STAMP) deps ## kill every program at random, again and again; ARGS="--seed 7" makes the same decisions again
	@exec $(BIN)/python -m tests.chaos $(ARGS)

bench: $(STAMP) ## the ratios, each against a floor in the same run
	@exec $(BIN)/python -m benchmarks $(ARGS)

docs: $(STAMP) ## write the generated pages again
	@exec $(BIN)/python -m docs $(ARGS)

wheel: $(STAMP) ## build the wheel into dist/
	@exec $(BIN)/python -m build --wheel

clean: ## remove what was made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
