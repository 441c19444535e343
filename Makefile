# VENV=some/folder lets several checkouts share one environment (about 6 GB).
VENV ?= .venv
PYTHON ?= python3
ARGS ?=
SET ?= debian

BIN := $(VENV)/bin
XDIST := -n auto --dist loadfile --no-loadscope-reorder  # in turn: files with few, long tests do not come last
STAMP := $(shell cat pyproject.toml constraints.txt Makefile 2>/dev/null | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/.installed-$(STAMP)
INSTALLED_DEV := $(VENV)/.installed-dev-$(STAMP)
INSTALLED_TOOLS := $(VENV)/.installed-tools-$(STAMP)
INSTALLED_DOCS := $(VENV)/.installed-docs-$(STAMP)
MERMAID := build/mermaid/mermaid.min.js

.DEFAULT_GOAL := help
.PHONY: help setup train photos test test-fast test-slow test-tools torture lint format types docs bench plan results gpu-check preview-data wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(INSTALLED)  ## make the environment

train: setup  ## train on the sample photographs; ARGS="key=value ..." changes anything
	$(BIN)/python -m esrgan_train experiment=x4_prelu $(ARGS)

photos: setup  ## fetch photographs to train on into data/; SET=div2k, flickr2k (default: debian, 28 free ones)
	$(BIN)/python -m esrgan_train.prepare --set $(SET) $(ARGS)

preview-data: setup  ## write a sheet of training pairs to preview/; ARGS="data=folder data.train_dir=..."
	$(BIN)/python -m esrgan_train.preview_data $(ARGS)

test: $(INSTALLED_DEV)  ## run the tests
	$(BIN)/python -m pytest $(XDIST) $(ARGS)

test-fast: $(INSTALLED_DEV)  ## run the tests that train no whole run: under a minute
	$(BIN)/python -m pytest $(XDIST) -m "not run and not slow and not tools" $(ARGS)

test-slow: $(INSTALLED_DEV)  ## run the tests that take seconds each: whole runs, several processes, benchmarks
	$(BIN)/python -m pytest $(XDIST) -m "slow and not tools" $(ARGS)

test-tools: $(INSTALLED_TOOLS)  ## run the tests that need Debian packages or minutes
	.ci/debian
	$(BIN)/python -m pytest $(XDIST) -m tools $(ARGS)

torture: $(INSTALLED_DEV)  ## kill a run twenty times, resume it each time, and compare its end
	$(BIN)/python -m tests.torture $(ARGS)

lint: $(INSTALLED_DEV)  ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED_DEV)  ## fix style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(INSTALLED_DEV)  ## check types
	$(BIN)/mypy

docs: $(INSTALLED_DOCS) $(MERMAID)  ## build the documentation site; ARGS="-b linkcheck" tries its links to elsewhere
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -d build/doctrees docs build/docs $(ARGS) || \
		{ rm -rf build/doctrees; exit 1; }  # a page that is written is not warned of again

bench: $(INSTALLED_DEV)  ## measure speed on this machine, next to the published code; ARGS=--quick for a minute
	$(BIN)/python -m benchmarks $(ARGS)

plan: $(INSTALLED_DEV)  ## predict what a training costs on GPUs; ARGS="generator=rrdb --gpus 4", ARGS=--help
	$(BIN)/python -m benchmarks.plan $(ARGS)

results: $(INSTALLED_DEV)  ## measure the models on photographs that they never saw (make photos first); ARGS=--quick
	$(BIN)/python -m benchmarks.proof $(ARGS)

gpu-check: $(INSTALLED_DEV)  ## run every test for a GPU and measure the card: eight minutes; ARGS="--device cpu --quick"
	$(BIN)/python -m esrgan_train.gpu_check $(ARGS)

wheel: $(INSTALLED_DEV)  ## build dist/*.whl
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean:  ## remove what the tools leave behind; runs/ and the environment stay
	rm -rf build dist preview .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

# basicsr and realesrgan, the published code that the tests compare with, ask for more than they use.
$(INSTALLED_DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation basicsr==1.4.2 realesrgan==0.3.0
	@touch $@

$(INSTALLED_TOOLS): $(INSTALLED_DEV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[tools]'
	@touch $@

$(INSTALLED_DOCS): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

# The script that draws the architecture: the site carries a copy, so that it works without a network.
$(MERMAID):
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent mermaid@12.3.0 >/dev/null && tar -xzf mermaid-12.3.0.tgz --strip-components=2 package/dist/mermaid.min.js
	rm $(@D)/mermaid-12.3.0.tgz
	@touch $@
