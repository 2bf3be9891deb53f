# Everything a newcomer needs; `make` alone prints this list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
OUT ?= out
# The CDK's script asks for `node` on the search path; the environment brings one, and the system may have none.
CDK = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npx --yes aws-cdk@2.1148.1
CDK_OF_STAGE = $(CDK) --app infra/cdk.out/$(STAGE)
# YES=1 asks nothing: for machines, which have no terminal to answer on.
APPROVAL = $(if $(YES),--require-approval never)

.DEFAULT_GOAL := help
.PHONY: help setup develop run test test-install soak check format samples synth check-infra preflight deploy diff destroy stage-named generated bench bench-flow bench-scale bench-setup paddle test-paddle clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.local build/artifacts/.built ## Make the environment and the model artefacts (everything else does this first)

develop: $(VENV)/.installed build/artifacts/.built ## The same with all that tests, checks and templates need

run: setup ## Read the repository's sample documents through the whole flow
	$(BIN)/hybrid-ocr read samples/documents --on local --out $(OUT)

test: develop ## Run the tests (minutes)
	$(BIN)/pytest -n 2 --dist loadgroup -m "not paddle and not gpu and not install"

test-install: develop ## Each extra alone in a fresh environment; every code block of README and docs; SageMaker's SDKs (minutes)
	$(BIN)/pytest -n 2 --dist loadgroup -m install tests/install local_aws/tests/sdks

soak: develop ## Many jobs under faults, 2,000 pages, scaling against its simulator, the tuner, memory (hours)
	$(BIN)/pytest tests/flow tests/autoscaling --soak --timeout 3600
	$(BIN)/python -m evaluation.bench memory
	$(BIN)/python -m evaluation.bench soak

check: develop ## Lint, format, types, import layers, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture
	$(BIN)/python -m hybrid_ocr.contracts.generate --check
	$(BIN)/python -m hybrid_ocr.stages.validation.rules_doc --check
	$(BIN)/python -m infra.deploy_doc --check

format: $(VENV)/.installed ## Put code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

samples: $(VENV)/.installed ## Draw the sample documents again
	$(BIN)/python -m samples.make

synth: develop ## Write the CloudFormation templates of every stage, or of STAGE (no account, no Docker)
	$(BIN)/python -m infra $(STAGE)

preflight: stage-named develop ## What an account would refuse of a stage, before it costs anything: STAGE=dev
	$(BIN)/hybrid-ocr preflight --stage $(STAGE)

check-infra: synth .venv-checkov/.installed ## Put cfn-lint and checkov over the templates
	$(BIN)/cfn-lint infra/cdk.out/*/*.template.json
	.venv-checkov/bin/checkov -d infra/cdk.out --framework cloudformation --compact --quiet --skip-download

deploy: preflight ## Deploy a stage, STAGE=dev; YES=1 asks nothing (needs an AWS account and Docker)
	$(BIN)/python -m infra $(STAGE)
	$(CDK_OF_STAGE) deploy $(APPROVAL) hybrid-ocr-$(STAGE)-data
	$(BIN)/hybrid-ocr artifacts publish --on $(STAGE)
	$(BIN)/python -m infra.retyping $(STAGE)
	$(CDK_OF_STAGE) deploy $(APPROVAL) --all
	$(BIN)/hybrid-ocr artifacts publish --on $(STAGE) --activate
	$(BIN)/hybrid-ocr smoke --on $(STAGE)

diff: stage-named synth ## What `make deploy` would change: STAGE=dev (needs an AWS account)
	$(CDK_OF_STAGE) diff --all

destroy: stage-named synth ## Take a stage away, STAGE=dev; YES=1 asks nothing (needs an AWS account)
	$(BIN)/python -m infra.teardown ask $(STAGE) $(if $(YES),--yes)
	$(CDK_OF_STAGE) destroy --force --exclusively hybrid-ocr-$(STAGE)-operations hybrid-ocr-$(STAGE)-flow hybrid-ocr-$(STAGE)-endpoints
	$(BIN)/python -m infra.teardown empty $(STAGE)
	$(CDK_OF_STAGE) destroy --force --all
	$(BIN)/python -m infra.teardown rest $(STAGE)

stage-named:
	@test -n "$(STAGE)" || { echo "say which stage, such as STAGE=dev"; exit 2; }

generated: develop ## Write JSON Schemas and tables of the documentation again
	$(BIN)/python -m hybrid_ocr.contracts.generate
	$(BIN)/python -m hybrid_ocr.stages.validation.rules_doc
	$(BIN)/python -m infra.deploy_doc

bench: bench-setup ## Measure speed and accuracy beside RapidOCR, PaddleOCR and Tesseract
	$(BIN)/python -m evaluation.bench

bench-flow: develop ## Measure what the flow costs beside its models, and the real-time client
	$(BIN)/python -m evaluation.bench flow

bench-scale: setup ## Measure how long the scaling simulator takes
	$(BIN)/python -m autoscaling.bench

bench-setup: develop ## Make the environments of the benchmark's other contestants
	$(BIN)/python -m evaluation.bench setup

paddle: .venv-paddle/.installed ## Make the environment of the paddleocr engine

test-paddle: paddle build/artifacts/.built ## Hold our stages to the paddleocr package: same weights, equal text
	.venv-paddle/bin/pytest tests/paddle

clean: ## Remove what make made
	rm -rf $(VENV) .venv-paddle .venv-checkov build out infra/cdk.out *.egg-info

# The environment is made again when what it is made from changes. pip's own version is left as it came.
$(VENV)/.local: pyproject.toml constraints.txt
	@echo "making the environment in $(VENV) and installing packages: about a minute"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --disable-pip-version-check -c constraints.txt -e '.[local]'
	@touch $@

$(VENV)/.installed: $(VENV)/.local
	@echo "installing what tests, checks and templates need: about a minute"
	@$(PIP) install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# paddleocr brings a build of OpenCV that overwrites the headless one, so it lives apart.
.venv-paddle/.installed: pyproject.toml constraints-paddle.txt
	$(PYTHON) -m venv .venv-paddle
	.venv-paddle/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-paddle.txt \
		-e '.[paddle]' pytest pytest-timeout hypothesis httpx
	@touch $@

# checkov asks for a boto3 years older than ours.
.venv-checkov/.installed:
	$(PYTHON) -m venv .venv-checkov
	.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check checkov==3.3.30
	@touch $@

build/artifacts/.built: hybrid_ocr/artifacts/building/catalogue.toml $(VENV)/.local
	@echo "fetching the models and checking them"
	@$(BIN)/hybrid-ocr artifacts build
	@touch $@
