# `make` lists what there is. Each target is a line or two that delegates; the first use makes .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help repro tune pilot test ui lint lock scm
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Runs the stages named $(1) of studies/stages.yaml. DVC sees them under this name only, and no longer than that.
STUDY = trap 'rm -f studies/dvc.yaml' EXIT; cp studies/stages.yaml studies/dvc.yaml && dvc repro studies/dvc.yaml:$(1)

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

repro: $(VENV)/.installed scm ## rebuild every result from params.yaml: train, score, compare, report
	@ganspeed check
	@dvc repro features
	@ganspeed run
	@dvc repro
	-@ganspeed track
	@echo "report:  $(CURDIR)/reports/index.html"
	@echo "runs:    make ui   (MLflow on 127.0.0.1)"

tune: $(VENV)/.installed scm ## search every arm's knobs with one budget; then: ganspeed adopt-tuning DATASET
	@ganspeed check
	@$(call STUDY,tune)

pilot: $(VENV)/.installed scm ## the runs that length and thresholds come from; then: ganspeed freeze DATASET
	@ganspeed check
	@$(call STUDY,pilot)

test: $(VENV)/.installed scm ## the whole test suite; `pytest -m "not slow"` for the quick part
	@pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST)

ui: $(VENV)/.installed ## browse the runs in MLflow, on 127.0.0.1
	@ganspeed ui

lint: $(VENV)/.installed ## ruff: rules and format
	@ruff check . && ruff format --check .

lock: ## resolve requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	  --extra dev pyproject.toml -o requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) check_setup.py
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

scm: $(VENV)/.installed # without a .git folder DVC needs this setting
	@if [ -e .git ]; then dvc config --local --unset core.no_scm 2>/dev/null || true; else dvc config --local core.no_scm true; fi
