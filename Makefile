# Everything a person runs. Each target works by itself on a fresh clone; it needs Python 3.11+, make and git, nothing else.
PYTHON ?= python3
RUN = .venv/bin/python
# Tests mostly wait: more processes than cores.
WORKERS ?= 4
.DEFAULT_GOAL := help
# uv trusts the certificates that this machine trusts (a company's proxy, say), as pip does.
export UV_SYSTEM_CERTS ?= 1
.PHONY: help setup up demo test test-only check format bench fuzz synth openapi lock deploy migrate diag diag-verbose chaos clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup:           ## set up the environments (the others call it)
	@$(PYTHON) local/bootstrap.py

up: setup        ## start the whole system on this machine and stay; Ctrl-C stops it
	@$(RUN) -m local up

demo: setup      ## the main job, unattended, with a transcript
	@$(RUN) -m local demo

test: setup      ## run all tests, side by side in WORKERS processes
	@$(MAKE) --no-print-directory test-only

# Bytecode is written even where the environment says no: else each process compiles the code of all tests anew.
test-only:
	@PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

check: setup     ## format, lint, types, import arrows, the template for AWS
	@.venv/bin/ruff format --check --quiet . || (echo "run: make format" && false)
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@$(RUN) -m local check_template

format: setup    ## format the code and mend what ruff can mend
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

bench: setup     ## measure; ROWS=a,b runs some rows
	@$(RUN) -m benchmarks $(if $(ROWS),--rows $(ROWS))

fuzz: setup      ## schemathesis at length, as every kind of caller: EXAMPLES=100 SEED=1
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),100) FUZZ_SEED=$(or $(SEED),1) $(RUN) -m pytest -v -s -p no:randomly tests/functions/http/test_schemathesis.py

synth: setup     ## write the CloudFormation template for AWS to build/cdk.out
	@$(RUN) -m local synth

openapi: setup   ## write docs/openapi.json and docs/errors.md
	@$(RUN) -m local openapi

lock: setup      ## compile locks/ from pyproject.toml; ARGS=--upgrade moves versions
	@$(RUN) -m local.lock $(ARGS)

chaos: setup     ## break everything for a while, and count what is lost: MINUTES=10 FAULTS=all SEED=1
	@$(RUN) -m testing.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

diag: setup      ## say what is wrong with a running deployment: AVIO_URL, ADMIN_TOKEN (without them: `make up` here)
	@$(RUN) -m operators diag

diag-verbose: setup  ## the same, with each request's time and id
	@$(RUN) -m operators diag --verbose

deploy migrate:  ## not there yet: each says what is missing, and fails
	@echo "make $@ is not there yet: it comes with a later piece of work (see CHANGELOG.md, 'Not there yet')." >&2; exit 1

clean:           ## remove everything that was built, local state included
	rm -rf build .venv
