# make only wraps commands; each works by itself too (see README.md).
PYTHON ?= python3
VENV ?= .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
RUN := $(BIN)/python -m novel_audio_pipeline

# What Dagster's own commands (dg, dagster) need; novel-audio sets both by itself.
export DAGSTER_HOME ?= $(CURDIR)
export NOVEL_AUDIO_DAGSTER_DIR ?= $(or $(NOVEL_AUDIO_HOME),$(CURDIR)/data)/dagster

.PHONY: run up narrations test check bench install clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@# Once, here: where PYTHONDONTWRITEBYTECODE is set, each process would compile it anew.
	$(BIN)/python -m compileall -q novel_audio_pipeline novel_audio_pipeline_tests
	@touch $@

# Narrate the two sample novels, from nothing to a library you can listen to.
run: install
	$(RUN) demo

# Backend, Dagster daemon and web UI; Ctrl-C stops all three.
up: install
	$(RUN) up

# How many narrations may speak at once: make narrations AT_ONCE=2. Dagster keeps it in its records.
AT_ONCE ?= 1
narrations: install
	mkdir -p $(NOVEL_AUDIO_DAGSTER_DIR)
	$(BIN)/python -m dagster instance concurrency set tts_backend $(AT_ONCE)

test: install
	$(BIN)/python -m pytest -q

# Format, lint, types, definitions.
check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	mkdir -p $(NOVEL_AUDIO_DAGSTER_DIR)
	$(BIN)/dg check defs

bench: install
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
