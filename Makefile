# Two commands: `make demo` shows a law, `make test` shows that everything works.
# Both set up .venv first, with uv where it is on the path, else with venv and pip.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)

.PHONY: demo test test-long check format docs clean

## demo: train networks on handwritten digits, fit their scaling law, write its page
demo: $(VENV)/.base
	@$(BIN)/allometry run quickstart --out demo

## test: run all tests
test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 -q

## test-long: kill a study a hundred times, tear its files at every byte (twenty
##            minutes), and take the server of its bucket away for 20 seconds
test-long: $(VENV)/.dev
	@$(BIN)/python -m pytest -m long -q
	@REQUIRE_S3=1 S3_AWAY=20 $(BIN)/python -m pytest -q \
		tests/curves/test_objects.py tests/cli/test_buckets.py

## check: format, lint and types, as CI checks them
check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

## format: put the code into its standard form
format: $(VENV)/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

## docs: build the documentation's site into build/site; broken links are errors
docs: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Site: build/site/index.html"

## clean: remove the environment and the demo
clean:
	rm -rf $(VENV) demo build

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) (about 700 MB with JAX; a minute or two) ..."
	@$(call install,.)
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) with what the tests need ..."
	@$(call install,.[dev])
	@touch $@ $(VENV)/.base

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) with what the documentation needs ..."
	@$(call install,.[docs])
	@touch $@ $(VENV)/.base

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Allometry needs Python 3.11 or newer, and none \
	was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --python "$(PYTHON)" $(VENV); \
	elif "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
		"$(PYTHON)" -m venv $(VENV); \
	else \
		echo "This Python has no venv module. Install it (on Debian or Ubuntu: \
	apt install python3-venv) or install uv, then run the command again." >&2; exit 2; \
	fi

define install
if command -v uv >/dev/null 2>&1; then \
	uv pip install --quiet --python $(BIN)/python -c constraints.txt -e "$(1)"; \
else \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e "$(1)"; \
fi
endef
