# `make run` and `make test` do everything from a clean clone; Python 3.11+ and make are all it takes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# Half the cores train in the tests themselves; more processes than this only wait for memory.
TEST_JOBS ?= auto

.PHONY: run test test-slow test-backends test-keras check lint check-install bench picture clean

run: $(VENV)/app
	@$(BIN)/keras-seq run experiments/configs/digits.toml

test: $(VENV)/dev
	$(BIN)/pytest -n $(TEST_JOBS) -m "not slow"

# What compiles or trains for long.
test-slow: $(VENV)/dev
	$(BIN)/pytest -n $(TEST_JOBS) -m slow

# The layers, and what of the comparison tool trains, on the other backends, each in an environment
# of its own.
test-backends: .venv-jax/tests .venv-torch/tests
	KERAS_BACKEND=jax .venv-jax/bin/pytest -n $(TEST_JOBS) tests/keras_seq
	KERAS_BACKEND=jax .venv-jax/bin/pytest -n $(TEST_JOBS) -m backends tests/experiments
	KERAS_BACKEND=torch .venv-torch/bin/pytest -n $(TEST_JOBS) tests/keras_seq
	KERAS_BACKEND=torch .venv-torch/bin/pytest -n $(TEST_JOBS) -m backends tests/experiments

# The tests that come with Keras, with our layers in the place of its own.
test-keras: $(VENV)/dev .venv-jax/tests .venv-torch/tests
	KERAS_BACKEND=tensorflow $(BIN)/python -m tests.keras_shipped -n $(TEST_JOBS)
	KERAS_BACKEND=jax .venv-jax/bin/python -m tests.keras_shipped -n $(TEST_JOBS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m tests.keras_shipped -n $(TEST_JOBS)

# All that CI runs.
check: lint test test-slow test-backends test-keras check-install

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The wheel, in an environment of its own without the development packages.
check-install: $(VENV)/dev
	$(BIN)/python tests/check_install.py

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks.run

# The pictures of the README and of the tour, from the real dashboard.
picture: $(VENV)/dev
	env -u NO_COLOR -u TEXTUAL_THEME $(BIN)/python -m docs.picture

clean:
	rm -rf $(VENV) .venv-jax .venv-torch dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "keras-seq needs Python 3.11 or newer; choose one with make PYTHON=python3.11" >&2; exit 2; }
	@echo "Setting up $(VENV) (once)" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/app: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(PIP) install --constraint constraints.txt --editable '.[app,tensorflow]' >&2
	@touch $@

# Another backend alone. Of what keras-hub, whose layers some tests compare with, asks for, only what
# its import needs: the rest is another backend.
.venv-%/tests: pyproject.toml constraints.txt
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	@echo "Setting up .venv-$* (once)" >&2
	@.venv-$*/bin/pip --disable-pip-version-check --quiet install --constraint constraints.txt \
		--editable '.[app,$*]' pytest pytest-asyncio pytest-timeout pytest-xdist hypothesis >&2
	@.venv-$*/bin/pip --disable-pip-version-check --quiet install --constraint constraints.txt \
		--no-deps keras-hub regex tokenizers >&2
	@touch $@

# Of sktime the tests read data only, so that nothing it asks for is needed.
$(VENV)/dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@$(PIP) install --constraint constraints.txt --editable '.[app,tensorflow,optuna,serve,dev]' >&2
	@$(PIP) install --constraint constraints.txt --no-deps sktime >&2
	@touch $@ $(VENV)/app
