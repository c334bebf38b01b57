# The two commands of the README are `make demo` and `make test`; `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE_TOOLS := $(VENV)/gitlab-ci-local/.ready

# where it is set, each process of the tests compiles all of them: 9 s
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check package format lint types boundaries bench bench-quick bench-server faults reference pictures site lock clean

# what the lock file pins, which is all there is to install (so that no newer release is looked at), and dlsync from here;
# compiled, as what is installed is, for a start that is as fast whatever the environment says of bytecode
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q dlsync
	touch $@

# runs the GitLab template in tests, which are skipped without it; a machine without npm has none
$(NODE_TOOLS): tests/gitlab-ci-local/package-lock.json $(READY)
	@mkdir -p $(@D) && cp tests/gitlab-ci-local/*.json $(@D)
	@if command -v npm >/dev/null && npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(@D); then \
	  touch $@; else echo "no gitlab-ci-local: its tests are skipped"; fi

demo: $(READY)
	$(BIN)/python scripts/demo.py

test: $(READY) $(NODE_TOOLS)
	$(BIN)/python -m pytest --numprocesses auto --cov --cov-report term

check: format lint types boundaries
	$(MAKE) package
	$(MAKE) test

# sdist and wheel into dist/, and the wheel tried in an environment of its own
package: $(READY)
	$(BIN)/python -m scripts.package

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

boundaries: $(READY)
	$(BIN)/lint-imports

# the pages of docs/ that are made from the code
reference: $(READY)
	$(BIN)/python -m scripts.reference

# the pictures of the documentation, which need chromium; a change of what is printed or of the HTML needs new ones
pictures: $(READY)
	$(BIN)/python -m scripts.pictures

# what only the site needs is 100 MB, so that nothing else installs it
$(VENV)/.site: $(READY) requirements-docs.lock
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-docs.lock
	touch $@

# the documentation as a site, in build/site
site: $(VENV)/.site
	$(BIN)/python -m scripts.site

# every fault at every request: ten minutes, and the figures of docs/reliability.md
faults: $(READY)
	DLSYNC_FAULTS=all $(BIN)/python -m pytest --numprocesses auto tests/test_faults.py

# docs/performance.md says what it measures, and what it has measured
bench: $(READY)
	$(BIN)/python -m benchmarks --markdown build/bench.md

# the same in under two minutes: fewer rounds, and not the largest account
bench-quick: $(READY)
	$(BIN)/python -m benchmarks --quick

# requests a second, latency and memory of `dlsync serve` under 200 clients: three minutes
bench-server: $(READY)
	$(BIN)/python -m benchmarks.server_load

# after a change of the dependencies in pyproject.toml; the others are for the container: what
# `dlsync[server]` needs to run, and what builds the wheel
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --all-extras --output-file requirements.lock pyproject.toml
	$(COMPILE) --group docs --constraint requirements.lock --output-file requirements-docs.lock
	$(COMPILE) --extra server --constraint requirements.lock --output-file requirements-server.lock pyproject.toml
	echo hatchling | $(COMPILE) --constraint requirements.lock --output-file requirements-build.lock -

clean:
	rm -rf $(VENV) .cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
