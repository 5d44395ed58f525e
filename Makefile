# make demo   run notebooks/quickstart.ipynb on a real local model
# make test   run the tests           make lint   check style and types
# make bench  measure, beside a bare loop
# make lab    open the quickstart in JupyterLab (as root: LAB_OPTIONS=--allow-root)
# make clean  remove what these made, but for the model (see README)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo test lint bench lab clean
.NOTPARALLEL:

demo: $(VENV)/ready-demo
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/python notebooks/run.py notebooks/quickstart.ipynb build

test: $(VENV)/ready-test
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/python -m pytest --cov

lint: $(VENV)/ready-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/ready-bench
	$(BIN)/python benchmarks/decode.py
	PYTHONPATH=tests $(BIN)/python benchmarks/cell.py

lab: $(VENV)/ready-lab
	$(BIN)/python -m apertis_magic.local install
	$(BIN)/jupyter lab $(LAB_OPTIONS) notebooks/quickstart.ipynb

clean:
	rm -rf $(VENV) build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# What a target needs, once; again when the requirements change.
$(VENV)/ready-%: pyproject.toml constraints.txt | $(VENV)/ready
	$(INSTALL) --editable '.[local]' --group $*
	touch $@

# Some systems' python3 comes without ensurepip, and their pip knows no --group.
$(VENV)/ready:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(INSTALL) --upgrade pip
	touch $@
