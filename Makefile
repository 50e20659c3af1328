# Everything runs in .venv, from locked and hashed versions. `make help` lists the targets.
PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install -q
# uv installs in seconds what takes pip more than a minute. It does not read pip's settings: where those are needed, pip does it.
UV := .venv/bin/uv pip install -q --python $(PY) --compile-bytecode
INSTALL = $(UV) --require-hashes -r $(1) 2>.venv/uv.log || $(PIP) --require-hashes -r $(1)
# One more than the cores of a small machine, since some tests wait.
JOBS ?= 3
# Each worker runs a row of tests, so that what neighbours share is made once, until there are none left but another's.
SPREAD = -n $(JOBS) --dist worksteal
N ?= 1000
SEED ?= 1
WHEELS ?= gpu-wheels
RECIPE ?= models/recipes/text-screen.yaml
COMPILE := .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
# For an image, so for one platform. onnxruntime-gpu is the same module as onnxruntime and may not stand beside it.
COMPILE_IMAGE := $(subst --universal,--python-platform x86_64-manylinux_2_28,$(COMPILE)) -c requirements.lock
# For a GPU machine that has PyTorch: what it has is left out, and with it what that alone would bring.
COMPILE_KIT := $(subst 3.11,3.12,$(COMPILE_IMAGE)) --excludes tests/gpu/excludes.txt

# Checkers of terraform/, made where they install: tflint by Go, checkov in an environment of its own, as it pins much.
TFLINT := v0.64.0
CHECKOV := 3.3.30

# Modules are compiled once: a decoder's child, which writes nothing, takes three times as long to start without that.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-all test-browser test-flink test-gpu gpu-wheels test-slow test-terraform test-train test-wheel flink check check-terraform fuzz bench train train-smoke lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: .venv/core  ## screen the sample uploads end to end: verdicts, a report, cleared files in demo/live
	@rm -rf demo && mkdir -p demo && cp -r screening/samples/uploads demo/uploads
	@$(PY) -m pipelines.screen --input demo/uploads --results demo/results --run-id demo
	@$(PY) -m pipelines.release --results demo/results --live demo/live --quarantine demo/quarantine
	@echo "cleared: $$(find demo/live -type f | wc -l) files in demo/live; next: .venv/bin/screening results --results demo/results"

test: .venv/dev  ## what needs no training stack, Flink, GPU or network: about five minutes with the installation
	$(PY) -m pytest $(SPREAD)

test-slow: .venv/dev  ## what takes longest: the README and the runbook as they stand, kills on a bucket, bombs, every engine of this machine
	$(PY) -m pytest $(SPREAD) -m slow tests

test-train: .venv/train  ## the tests of training (they need the training stack: some 3 GB)
	$(PY) -m pytest $(SPREAD) -m train tests/models tests/gpu tests/test_benchmarks.py

test-flink: .venv/dev  ## the jobs on a Flink cluster made for it, and what breaks them (needs Java and Maven; 400 MB, once)
	$(PY) -m pytest -m flink tests/flink

test-browser: .venv/dev  ## that all that a browser shows of a page is decoded (needs Chromium): make test-browser [CONTENT_SCREENING_PAGES=folder]
	$(PY) -m pytest -m browser tests/browser

test-gpu:  ## all that needs a GPU, in 8 minutes, on a machine without a network: make test-gpu [WHEELS=folder] (tests/gpu/README.md)
	$(if $(wildcard $(WHEELS)),$(PYTHON) -m tests.gpu --wheels $(WHEELS),$(PY) -m tests.gpu)

gpu-wheels:  ## the wheels that test-gpu needs on a machine with PyTorch and Python 3.12, into WHEELS (720 MB)
	$(PYTHON) -m pip download -q --no-deps --require-hashes --only-binary :all: --python-version 3.12 --implementation cp \
	  --platform manylinux2014_x86_64 $(foreach n,17 24 26 27 28 34,--platform manylinux_2_$(n)_x86_64) -d $(WHEELS) -r tests/gpu/requirements.lock

test-wheel: .venv/dev  ## the wheel in an environment of its own: the samples, a small job, the commands, the types
	$(PY) -m pytest -m wheel tests/test_wheel.py

test-all: .venv/train  ## check, and every test that can run on this machine, each at its full length; what .ci/run calls
	@$(MAKE) --no-print-directory check
	THOROUGH=1 $(PY) -m pytest $(SPREAD) -m 'not gpu and not flink and not wheel and not browser'
	@$(MAKE) --no-print-directory test-wheel test-flink
	@if [ -n "$$CHROMIUM" ] || command -v chromium >/dev/null; then $(MAKE) --no-print-directory test-browser; \
	else echo "not tested: what a browser shows (there is no Chromium on this machine)"; fi
	@if command -v nvidia-smi >/dev/null; then $(MAKE) --no-print-directory test-gpu; \
	else echo "not tested: what needs a GPU (there is none on this machine)"; fi

flink: .venv/dev  ## a Flink cluster on this machine until Ctrl-C, to try the jobs on (needs Java and Maven; 400 MB, once)
	@$(PY) -m tests.flink

test-terraform:  ## validate terraform/ and run its own tests (needs Terraform, and its registry)
	terraform -chdir=terraform init -backend=false -input=false
	terraform -chdir=terraform validate
	terraform -chdir=terraform test

check: .venv/dev check-terraform  ## lint, types, the walls between the rooms, the README's tree
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) tests/readme_tree.py

check-terraform: .venv/dev  ## the format of terraform/, and its linters where they install
	@if command -v terraform >/dev/null; then terraform fmt -check -diff -recursive terraform; \
	else echo "not checked: terraform fmt (terraform is not on this machine)"; fi
	@if $(MAKE) -s .venv/tflint-$(TFLINT); then .venv/bin/tflint --chdir=terraform; \
	else echo "not checked: tflint (it could not be installed; it needs Go and its module proxy)"; fi
	@if $(MAKE) -s .venv/checkov-$(CHECKOV); then \
	  .venv/checkov/bin/checkov -d terraform --framework terraform --skip-download --quiet --compact; \
	else echo "not checked: checkov (it could not be installed)"; fi

fuzz: .venv/dev  ## N mutants of uploads and all bombs through the decoder and the checks: make fuzz N=20000 [SEED=2]
	$(PY) -m tests.fuzz $(N) --seed $(SEED)

bench: .venv/train  ## our engines beside their peers, some 10 minutes; results go to tests/benchmarks/out
	$(PY) -m tests.benchmarks.engines

train: .venv/train  ## make a starter bundle again: make train DATA=folder OUT=folder [RECIPE=models/recipes/text-screen.yaml]
	$(PY) -m models.train $(RECIPE) --data $(DATA) --out $(OUT)

train-smoke: .venv/train  ## the whole chain on 200 rows, prepare to publish, and screen with what it makes
	$(PY) -m pytest -m train tests/models/test_chain.py

lock: .venv/uv  ## resolve the versions again
	echo uv | $(COMPILE) --upgrade-package uv -o requirements-uv.lock -
	$(COMPILE) --extra gcp -o requirements.lock pyproject.toml requirements.in
	$(COMPILE_IMAGE) --extra gcp --extra openvino -o requirements-cpu.lock pyproject.toml requirements.in
	$(COMPILE_IMAGE) --extra gcp --extra gpu --no-emit-package onnxruntime -o requirements-gpu.lock pyproject.toml requirements.in
	$(COMPILE_KIT) -o tests/gpu/requirements.lock pyproject.toml tests/gpu/requirements.in
	$(COMPILE) --extra gcp --extra openvino --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml requirements.in
	$(COMPILE) --extra gcp --extra openvino --extra dev --extra train -c requirements-dev.lock -o requirements-train.lock pyproject.toml requirements.in

clean:  ## remove the environment and what the demo made
	rm -rf .venv demo

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	@$(PYTHON) -m venv .venv

.venv/uv: requirements-uv.lock | .venv/bin/python
	@$(PIP) --require-hashes -r requirements-uv.lock
	@touch $@

.venv/core: requirements.lock pyproject.toml | .venv/uv
	@echo "installing locked versions into .venv (about a minute with an empty cache)"
	@$(call INSTALL,requirements.lock)
	@PYTHONWARNINGS=ignore $(PIP) --no-build-isolation --no-deps -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/core
	@$(call INSTALL,requirements-dev.lock)
	@touch $@

.venv/train: requirements-train.lock .venv/dev
	@$(call INSTALL,requirements-train.lock)
	@touch $@

.venv/tflint-$(TFLINT): | .venv/bin/python
	@echo "building tflint $(TFLINT) (some minutes, once)"
	@GOBIN=$(CURDIR)/.venv/bin go install github.com/terraform-linters/tflint@$(TFLINT)
	@touch $@

.venv/checkov-$(CHECKOV): | .venv/bin/python
	@echo "installing checkov $(CHECKOV) (about a minute, once)"
	@$(PYTHON) -m venv .venv/checkov
	@.venv/checkov/bin/python -m pip --disable-pip-version-check install -q checkov==$(CHECKOV)
	@touch $@
