# Two commands do everything on a fresh machine with Python 3.11, pip, make and git: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# Left out of the daily loop: exhaustive cases, servers, Ray, killed processes, and what takes seconds of CPU.
FAST := not slow and not servers and not ray and not kills and not heavy
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1

.PHONY: help env ray demo test test-fast test-slow test-tools bench bench-training bench-tagging bench-genes bench-redaction lint lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

env: .venv/ready  ## the environment in .venv, from the hashes of requirements.lock

# uv itself comes from the lock by pip; uv then installs the rest in seconds.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Elman needs Python 3.11 or newer; call make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/uv.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --offline --editable .
	touch $@

ray: .venv/ray  ## Ray, too, for `elman tag --engine ray` and its tests

.venv/ray: .venv/ready requirements-ray.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements-ray.lock
	touch $@

demo: env  ## the whole job on real input: ingest, train, compare, tag text and DNA
	$(BIN)/elman demo

test-fast: env  ## what a programmer runs all day, in under 3 minutes on 2 cores (docs/testing.md)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "$(FAST)"

test: ray lint  ## everything that must hold, in under 15 minutes on 2 cores
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-slow: ray  ## the exhaustive cases too
	$(BIN)/python -m pytest -n 2 --dist loadgroup --hypothesis-profile=random

test-tools: .venv-tools/ready  ## spaCy, Label Studio and Presidio read what we write and use the adapters of docs/examples
	PYTHONPATH=. .venv-tools/bin/python -m pytest tests/foreign_tools tests/docs/test_examples.py

bench: .venv-bench/ready  ## speed beside PyTorch, ONNX Runtime and JAX, in an environment of their own
	PYTHONPATH=. .venv-bench/bin/python -m bench.speed

bench-training: .venv-bench/ready  ## training of the presets' networks on CORPUS (a name) beside PyTorch
	PYTHONPATH=. .venv-bench/bin/python -m bench.training $(CORPUS) $(BENCH_OPTIONS)

bench-tagging: .venv-bench-tagging/ready  ## the same for tagging raw TEXT (a folder) with models of CORPUS: spaCy and a CRF
	PYTHONPATH=. .venv-bench-tagging/bin/python -m bench.tagging $(CORPUS) $(TEXT)

bench-genes: .venv-bench-genes/ready  ## Prodigal on GENOME beside a model trained on the genomes TRAIN_ON alone (folders)
	PYTHONPATH=. .venv-bench-genes/bin/python -m bench.genes $(GENOME) --train-on $(TRAIN_ON) $(BENCH_OPTIONS)

bench-redaction: .venv-bench-redaction/ready  ## Presidio on raw TEXT (a folder) beside MODELS that redact it
	PYTHONPATH=. .venv-bench-redaction/bin/python -m bench.redaction $(TEXT) $(MODELS) $(BENCH_OPTIONS)

# The environments of peers see the project's own too; what both need has the lock's version.
.venv-bench/ready: .venv/ready bench/requirements.txt
	$(call peers,.venv-bench,bench/requirements.txt)

.venv-bench-tagging/ready: .venv/ready bench/requirements-tagging.txt
	$(call peers,.venv-bench-tagging,bench/requirements-tagging.txt)

.venv-tools/ready: .venv/ready tests/foreign_tools/requirements.txt
	$(call peers,.venv-tools,tests/foreign_tools/requirements.txt)

.venv-bench-genes/ready: .venv/ready bench/requirements-genes.txt
	$(call peers,.venv-bench-genes,bench/requirements-genes.txt)

.venv-bench-redaction/ready: .venv/ready bench/requirements-redaction.txt
	$(call peers,.venv-bench-redaction,bench/requirements-redaction.txt)

define peers
	test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
	VIRTUAL_ENV=.venv $(BIN)/uv pip freeze --quiet | grep -E '^(numpy|scipy)==' > $(1)/constraints.txt
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check -r $(2) -c $(1)/constraints.txt
	! grep -q '^# --no-deps ' $(2) || $(1)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps $$(sed -n 's/^# --no-deps //p' $(2))
	$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' \
	  > "$$($(1)/bin/python -c 'import site; print(site.getsitepackages()[0])')/elman.pth"
	touch $(1)/ready
endef

lint: env  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

lock: env  ## resolve anew what pyproject.toml allows
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command 'make lock' --python-version 3.11 --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command 'make lock' --python-version 3.11 --extra ray -c requirements.lock \
	  $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
	  pyproject.toml -o requirements-ray.lock

clean:  ## remove the environment and what runs produced
	rm -rf .venv .venv-tools .venv-bench .venv-bench-tagging .venv-bench-genes .venv-bench-redaction var
