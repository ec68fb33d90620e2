# Every target makes its own environment from nothing but Python 3.11 (or later) and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)

.PHONY: demo test check unit light dist clean

demo: .venv/ready  ## the default model on real and simulated captures; no torch
	.venv/bin/python examples/demo.py --out demo

test: check unit dist light  ## everything that CI runs

check: .venv-test/ready  ## style, types, floors
	.venv-test/bin/ruff check
	.venv-test/bin/ruff format --check
	.venv-test/bin/mypy
	.venv-test/bin/lint-imports

unit: .venv-test/ready
	.venv-test/bin/python -m pytest

dist: .venv-test/ready  ## wheel and sdist, built and checked
	rm -rf dist
	.venv-test/bin/python -m build --outdir dist .
	.venv-test/bin/twine check --strict dist/*

light: dist  ## the wheel alone in a fresh environment: no torch, and the main job runs
	rm -rf .venv-light
	$(PYTHON) -m venv .venv-light
	.venv-light/bin/python -m pip install --quiet dist/*.whl scikit-image
	.venv-light/bin/python -c "import importlib.util as u; assert not any(map(u.find_spec, ['torch', 'onnx', 'safetensors', 'matplotlib']))"
	.venv-light/bin/livegate doctor
	.venv-light/bin/python examples/demo.py --out .venv-light/demo

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -e . scikit-image
	touch $@

.venv-test/ready: pyproject.toml
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-test/bin/python -m pip install --quiet -e ".[train,onnx,report,data]" --group test
	touch $@

clean:
	rm -rf .venv .venv-test .venv-light dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
