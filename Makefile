# Every target makes its own environment from nothing but Python 3.11 (or later) and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)

.PHONY: demo test check unit tools examples light dist test-exports test-arm clean

demo: .venv/ready  ## the default model on real and simulated captures; no torch
	.venv/bin/python examples/demo.py --out demo

test: check tools unit dist light  ## everything that CI runs

check: .venv-test/ready  ## style, types, floors
	.venv-test/bin/ruff check
	.venv-test/bin/ruff format --check
	.venv-test/bin/mypy
	.venv-test/bin/lint-imports

unit: .venv-test/ready  ## ONNX Runtime, OpenVINO and ExecuTorch for real
	.venv-test/bin/python -m pytest --require openvino,executorch.exir

tools: .venv-test/ready  ## what the tests of the example programs need, as far as it can be fetched here
	tests/examples/tools .venv-test/bin/python

examples: tools  ## the example programs in other languages alone
	.venv-test/bin/python -m pytest tests/examples

dist: .venv-test/ready  ## wheel and sdist, built and checked
	rm -rf dist
	.venv-test/bin/python -m build --outdir dist .
	.venv-test/bin/twine check --strict dist/*

light: dist  ## the wheel alone in a fresh environment: no torch, and the main job runs
	rm -rf .venv-light
	$(PYTHON) -m venv .venv-light
	.venv-light/bin/python -m pip install --quiet dist/*.whl scikit-image
	.venv-light/bin/python -c "import importlib.util as u; assert not any(map(u.find_spec, ['torch', 'onnx', 'safetensors', 'matplotlib', 'openvino', 'executorch', 'ncnn', 'ai_edge_litert', 'cryptography', 'keyring']))"
	.venv-light/bin/livegate doctor
	.venv-light/bin/python examples/demo.py --out .venv-light/demo

FORMATS = tests/unit/export tests/unit/runtime/backends
test-exports: .venv-exports/ready .venv-litert/ready  ## every format, written and run; LiteRT's converter brings 2 GB of packages
	.venv-exports/bin/python -m pytest --require openvino,executorch.exir,coremltools,ncnn,ai_edge_litert $(FORMATS)
	.venv-litert/bin/python -m pytest -p no:anyio --require litert_torch tests/unit/export/test_litert.py  # its plugin for pytest is older than pytest

test-arm: .venv/ready  ## golden vectors of the shipped model on an emulated 64-bit Arm processor; ARTIFACT=DIR RUNTIMES="onnx litert ncnn" for another's
	PYTHON=.venv/bin/python tests/arm/replay.sh $(or $(ARTIFACT),src/livegate/weights/default) $(or $(RUNTIMES),onnx)

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -e . scikit-image
	touch $@

.venv-test/ready: pyproject.toml
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-test/bin/python -m pip install --quiet -e ".[train,onnx,openvino,executorch,report,data,templates]" --group test
	touch $@

.venv-exports/ready: pyproject.toml
	$(PYTHON) -m venv .venv-exports
	.venv-exports/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-exports/bin/python -m pip install --quiet -e ".[onnx,openvino,executorch,coreml,ncnn,litert]" --group test
	touch $@

.venv-litert/ready: pyproject.toml
	$(PYTHON) -m venv .venv-litert
	.venv-litert/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-litert/bin/python -m pip install --quiet -e ".[onnx,litert-torch]" --group test
	touch $@

clean:
	rm -rf .venv .venv-test .venv-light .venv-exports .venv-litert .venv-arm .examples examples/javascript/node_modules
	rm -rf dist demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
