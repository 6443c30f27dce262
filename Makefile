# Everything here makes its own set-up: Python 3.11 or newer and make are enough.
PYTHON ?= python3
VENV := .venv
SAM_VENV := .venv-sam
BIN := $(VENV)/bin
# The function's own imports and the harness's; the same two as in pyproject.toml for pytest.
export PYTHONPATH := functions/monitor:tests
# pip installs what the locks name and nothing else, and refuses a file whose hash they do not hold.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
# As it was typed: make must not read a password's dollar signs.
export URL := $(value URL)

.DEFAULT_GOAL := help
.PHONY: help demo stack probe preview golden docs cost unit coverage test simulate bench rds-ca check format lock clean

help:  ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/ready  ## see a database die and come back, and the mails, in under a minute
	@$(BIN)/python -m local.demo

stack: $(VENV)/ready  ## keep a database and emulated AWS running for sam local invoke
	@$(BIN)/python -m local.stack

# make answers 2 for whatever fails, but under -q it passes a sub-make's 1 on: so here 1 is unhealthy, 2 wrong usage.
ifeq ($(MAKECMDGOALS),probe)
MAKEFLAGS += -q
endif
probe:  ## try your own database: URL='postgresql://user:password@host:port/database?sslmode=verify-full'
	+@MAKEFLAGS= $(MAKE) --silent --no-print-directory VENV=$(VENV) PYTHON=$(PYTHON) $(VENV)/ready >&2 \
		&& $(BIN)/python -m local.probe

preview: $(VENV)/ready  ## write a gallery of all mails to build/preview/index.html
	@$(BIN)/python -m local.preview

golden: $(VENV)/ready  ## renew the mails that the tests compare with, after a look at `git diff`
	@$(BIN)/python -m unit.golden

docs: $(VENV)/ready  ## renew the tables in docs/ that follow from the template and the prices
	@$(BIN)/python -m local.docs

cost: $(VENV)/ready  ## print what a month costs, by AWS's list prices
	@$(BIN)/python -m local.cost

# A worker a processor; more than four would start more servers than they save time.
WORKERS := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
unit: $(VENV)/ready  ## run the tests that need no server, in half a minute
	@$(BIN)/python -m pytest -q $(WORKERS) tests/unit

# Two runs at once: the unit tests, and those with servers that drive storage/ and notify/. CI: the same examples each time.
MEASURED_unit := tests/unit
MEASURED_servers := $(patsubst %,tests/integration/test_%.py,digests history outbox refusals ses_events)
coverage: $(VENV)/ready  ## measure what the tests reach of rules, messages, storage and notify, in a minute or two
	@rm -rf build/coverage && mkdir -p build/coverage
	@CI=true $(MAKE) --silent --no-print-directory -j2 measure-unit measure-servers
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

measure-%:
	@$(BIN)/coverage run -m pytest -q $(MEASURED_$*) >build/coverage/$*.txt 2>&1 || { cat build/coverage/$*.txt; false; }

# What is deployed calls AWS under its own short limits: those tests have the machine for themselves.
WITH_SAM = PATH="$(CURDIR)/$(SAM_VENV)/bin:$$PATH" $(BIN)/python
test: $(VENV)/ready $(SAM_VENV)/ready  ## run all tests
	@$(WITH_SAM) -m pytest tests/e2e
	@$(WITH_SAM) -m pytest $(WORKERS) --ignore tests/e2e

YEARS ?= 1
SEED ?= 1
simulate: $(VENV)/ready  ## hold the rules of alerting to years of outages of every kind: YEARS=20 SEED=2026
	@$(BIN)/python -m simulation $(YEARS) $(SEED) --cases

bench: $(VENV)/ready  ## measure Heartline beside bare drivers, in ratios
	@$(BIN)/python -m benchmarks

# Published by AWS: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
RDS_CA := https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
rds-ca: $(VENV)/ready  ## fetch RDS's root certificates anew
	@$(BIN)/python -m local.rds_ca $(RDS_CA) layers/rds-ca/global-bundle.pem

# The one list of checks: pre-commit runs it too. The first finds what pyproject.toml asks for and the lock lacks.
check: $(VENV)/ready  ## check form, types, imports, dead code and template
	@$(BIN)/python -m pip install --quiet --dry-run --no-index --group dev -r layers/dependencies/requirements.txt \
		|| { echo "the lock is older than pyproject.toml: make lock"; false; }
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/vulture
	@$(BIN)/cfn-lint template.yaml

format: $(VENV)/ready  ## put the form right
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# One lock for every Python from 3.11 on, every system and every processor: uv resolves for all, pip alone installs it.
LOCK = build/uv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
lock:  ## renew the locks after a change of pyproject.toml or of the layer; UPGRADE=1 takes the newest release of all
	@$(PYTHON) -m venv build/uv
	@build/uv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade uv
	@$(LOCK) --group dev layers/dependencies/requirements.txt --output-file requirements-dev.txt
	@$(LOCK) --group sam --output-file requirements-sam.txt
	@$(subst 3.11,3.13,$(LOCK)) tests/e2e/requirements.in --output-file tests/e2e/requirements.txt

clean:  ## remove what was built and installed
	rm -rf build .aws-sam $(VENV) $(SAM_VENV)

$(VENV)/ready: requirements-dev.txt layers/dependencies/requirements.txt
	@echo "setting up $(VENV), once, for a minute or so"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python $(INSTALL) -r requirements-dev.txt -c layers/dependencies/requirements.txt \
		|| { echo "where the lock and the layer's pins differ: make lock"; false; }
	@touch $@

# aws-sam-cli pins a boto3 of its own, so it lives apart.
$(SAM_VENV)/ready: requirements-sam.txt
	@echo "setting up $(SAM_VENV), once, for a minute or so"
	@$(PYTHON) -m venv --clear $(SAM_VENV)
	@$(SAM_VENV)/bin/python $(INSTALL) -r requirements-sam.txt
	@touch $@
