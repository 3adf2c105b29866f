# make demo   sets up, then grades a made class and shows the result
# make test   sets up, then runs all that continuous integration runs
# make bench  sets up, then measures what grading a class costs (an hour, on an idle machine)
# Needs Python 3.11 to 3.14 (choose one with PYTHON=...), and nothing else installed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export PATH := $(CURDIR)/$(BIN):$(PATH)
# One thread a process: two processes beside each other must not fight over the cores.
export OMP_NUM_THREADS := 1

.PHONY: demo test test-slow bench lint release docs screenshots install clean

demo: install
	autograder demo

test: install lint
	pytest

test-slow: install
	pytest -m slow

bench: install
	python -m autograder.maintain.bench

lint: install
	ruff check
	ruff format --check
	mypy

release: install
	nbgrader generate_assignment cnns --force
	nbgrader generate_assignment mlp --force

docs: install
	mkdocs build

# The pictures of the documentation: pages of the made class, in a real browser.
screenshots: install
	SCREENSHOTS=build/shots pytest -m slow tests/pages/test_people.py
	cp build/shots/feedback-dora-1100-top.png docs/images/feedback.png
	cp build/shots/report-1100-top.png docs/images/report.png
	cp build/shots/formgrader-submission.png docs/images/formgrader.png

install: $(INSTALLED)

$(INSTALLED): pyproject.toml autograder/pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or later is needed"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --constraint constraints.txt \
		--editable . --editable "./autograder[dev]"
	touch $@

clean:
	rm -rf submitted autograded feedback .autograder gradebook.db .nbgrader.log
