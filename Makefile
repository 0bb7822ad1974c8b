# `make help` lists what there is to make.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 3000
BIN := .venv/bin
# `make fuzz` spends so long on each decoder.
FUZZ_S ?= 30
# `make soak` asks a server for so long, `make chaos` breaks it so often, `make hostile` sends it so many requests.
SOAK_S ?= 1800
CHAOS_N ?= 100
HOSTILE_N ?= 100000
# Some tests wait for servers, so there are two workers more than processors; more than four would wait for each other. The
# order of the files is that of tests/support/file_order.py, the longest first.
TEST_WORKERS = $(shell $(PYTHON) -c "import os; print(min(4, os.cpu_count() + 2))")
SPREAD ?= --numprocesses=$(TEST_WORKERS) --dist=loadfile --no-loadscope-reorder

# Neither library is to send usage data, whatever starts it.
export ORT_DISABLE_TELEMETRY := 1
export BENTOML_DO_NOT_TRACK := True
# Where containers set it, each of the more than a hundred servers that tests start would compile our modules again.
test coverage fuzz: export PYTHONDONTWRITEBYTECODE :=
# The workers share the processors: threads of linear algebra and of trees within each would only wait for one another,
# which took half of the processor's time of a test that learns.
test coverage fuzz: export OMP_NUM_THREADS := 1
test coverage fuzz: export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help serve install docs test coverage fuzz soak chaos hostile check page train table verify sbom audit bench bento image proto lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

serve: .venv/serve.stamp $(BIN)/veredicto ## serve the exported models on HOST:PORT (127.0.0.1:3000; PORT=3001 for another)
	@exec $(BIN)/python -m service --host $(HOST) --port $(PORT)

install: .venv/test.stamp $(BIN)/veredicto ## install what training, judging and the tests need (about 6 GB)
	@echo 'train: $(BIN)/python -m training logistic --task wine   your table: $(BIN)/python -m training all --data my.csv --target COLUMN --task NAME'

test: .venv/test.stamp ## run all tests, the files of tests spread over the processors
	$(BIN)/python -m pytest $(SPREAD)

coverage: .venv/test.stamp ## run all tests, and show what they leave out
	$(BIN)/python -m pytest $(SPREAD) --cov --cov-report=term --durations=60

fuzz: .venv/test.stamp ## try properties on more examples, fuzz each decoder by coverage for FUZZ_S seconds (30)
	$(BIN)/python -m pytest $(SPREAD) --hypothesis-profile=search -m hypothesis
	@$(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("atheris") is None and "atheris is needed, which has wheels for Linux on x86_64 and Python 3.11 to 3.13")'
	@for name in $$($(BIN)/python -m tests.fuzz 2>/dev/null); do \
		echo "== $$name"; \
		$(BIN)/python -m tests.fuzz $$name --seconds $(FUZZ_S) || exit 1; \
	done

soak: .venv/test.stamp ## ask a server at 70 % of its capacity for SOAK_S seconds (1800) after a warm-up, and a leaking one
	SOAK_S=$(SOAK_S) $(BIN)/python -m pytest -m soak -s tests/end_to_end/test_soak.py

chaos: .venv/test.stamp ## kill, stop, end and starve servers, CHAOS_N times each (100)
	CHAOS_N=$(CHAOS_N) $(BIN)/python -m pytest -m soak -s tests/end_to_end/test_chaos.py tests/end_to_end/test_live.py

hostile: .venv/test.stamp ## send a server HOSTILE_N broken requests (100000) over HTTP and gRPC
	HOSTILE_N=$(HOSTILE_N) $(BIN)/python -m pytest -m soak -s tests/end_to_end/test_hostile.py

check: .venv/test.stamp ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

page: node_modules ## types and lint of the page's scripts (needs npm; nothing else does)
	@npm run --silent check

train: .venv/test.stamp ## train every shipped model that is not up to date
	$(BIN)/python -m training all
	$(BIN)/python -m training.held_out_tables
	@$(MAKE) --no-print-directory table

table: .venv/test.stamp ## write what documents and training's help take from cards and code: models, settings, limits, options
	$(BIN)/python -m training.model_tables
	$(BIN)/python -m training.command_document
	$(BIN)/python -m service.settings_document docs/settings.md
	$(BIN)/python -m service.contract.limits docs/limits.md

verify: .venv/serve.stamp ## check the files of VEREDICTO_MODELS, and its SHA256SUMS, without loading them
	@$(BIN)/python -m service.models.verify

docs: .venv/docs.stamp ## make a site of the documents in build/docs, which works from a folder
	@$(BIN)/python -m docs.site

sbom: .venv/audit.stamp ## list what serving installs, in build/sbom.json (CycloneDX)
	@$(BIN)/uv venv --quiet --clear build/served
	@$(BIN)/uv pip sync --quiet --python build/served requirements/serve.txt
	@$(BIN)/cyclonedx-py environment --output-reproducible --output-format JSON --output-file build/sbom.json \
		--pyproject pyproject.toml build/served/bin/python

audit: .venv/audit.stamp ## ask PyPI for known weaknesses of what serving installs
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r requirements/serve.txt || { \
		echo "make audit: a package has a known weakness, or PyPI's advisories could not be asked for; see above" >&2; \
		exit 1; }

bench: .venv/test.stamp ## measure against the floor and other servers (needs wrk)
	$(BIN)/python -m benchmarks

bento: .venv/test.stamp ## build the bento, for a container or another machine
	$(BIN)/bentoml build

image: ## build the image with buildah into build/image; ARCH=arm64 into build/image-arm64 (apt-get install buildah mmdebstrap)
	@deploy/container/build.sh build/image$(addprefix -,$(ARCH)) $(addprefix --platform linux/,$(ARCH))

proto: .venv/test.stamp ## compile the gRPC messages of open_inference.proto
	$(BIN)/python -m grpc_tools.protoc --proto_path=service/grpc \
		--descriptor_set_out=service/grpc/open_inference.binpb open_inference.proto

lock: .venv/test.stamp ## resolve requirements/*.txt again, to the newest allowed versions
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url \
		--no-annotate --quiet --extra cpu --extra train --extra test -o requirements/test.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url \
		--no-annotate --quiet --extra cpu -c requirements/test.txt --generate-hashes -o requirements/serve.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url \
		--no-annotate --quiet --extra cpu --extra grpc -c requirements/test.txt --generate-hashes -o requirements/grpc.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url \
		--no-annotate --quiet --extra cuda --extra grpc -c requirements/grpc.txt --generate-hashes -o requirements/cuda.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url \
		--no-annotate --quiet --extra cpu --extra audit -c requirements/test.txt -o requirements/audit.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url \
		--no-annotate --quiet --extra cpu --extra docs -c requirements/test.txt -o requirements/docs.txt

clean: ## remove the virtual environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache *.egg-info benchmarks/.environments

node_modules: package.json
	@npm install --no-package-lock --no-audit --no-fund --silent
	@touch $@

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, %s is %s: make PYTHON=python3.12 ..." % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv .venv
	@touch $@

# The command of a clone: `. .venv/bin/activate` puts it on the path. From any folder it finds the packages here, and none of that folder's.
$(BIN)/veredicto: .venv/python.stamp
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s/$(BIN)/python" -P -m cli "$$@"\n' '$(CURDIR)' '$(CURDIR)' > $@
	@chmod +x $@

.venv/serve.stamp: requirements/serve.txt .venv/python.stamp
	@echo 'installing what serving needs into .venv, about 0.5 GB: up to a minute'
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/serve.txt
	@touch $@

.venv/docs.stamp: requirements/docs.txt .venv/serve.stamp
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/docs.txt
	@touch $@

.venv/audit.stamp: requirements/audit.txt .venv/test.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/audit.txt
	@touch $@

.venv/test.stamp: requirements/test.txt .venv/serve.stamp
	@echo 'installing what training and the tests need into .venv, about 6 GB: 2 to 4 minutes'
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/test.txt
	@touch $@
