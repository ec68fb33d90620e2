"""A target is named as on the command line; what cannot be written here is said before anything is written."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from livegate.errors import LivegateError, MissingExtraError
from livegate.export import targets
from livegate.export.targets import NEEDS, TARGETS, chosen
from livegate.runtime.backends.base import RUNTIMES

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment where only what every writer needs can be found."""
    real = importlib.util.find_spec
    monkeypatch.setattr(targets, "find_spec", lambda name: real(name) if name in NEEDS else None)


@pytest.fixture(scope="module")
def extras() -> dict[str, set[str]]:
    """The distributions of each extra, as pyproject.toml names them."""
    found = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    return {extra: {re.split("[=<>]", need)[0] for need in needs} for extra, needs in found.items()}


def test_the_targets_are_named_by_runtime_and_precision() -> None:
    """Each of a known runtime, fp32 without a suffix."""
    assert len(TARGETS) >= 6
    assert {"onnx", "openvino", "litert", "executorch", "coreml", "ncnn", "onnx-int8"} <= TARGETS.keys()
    for name, target in TARGETS.items():
        assert name == target.name == target.runtime + ("" if target.precision == "fp32" else f"-{target.precision}")
        assert target.runtime in RUNTIMES
        assert target.calibrated == name.endswith("-int8")


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_a_writer_is_found_when_its_converter_is_there(name: str) -> None:
    """The table names functions that exist."""
    if not TARGETS[name].missing:
        assert callable(TARGETS[name].write)


@pytest.mark.usefixtures("bare")
def test_a_named_target_must_be_installed() -> None:
    """Onnx is; for another the install line is told."""
    assert chosen("onnx") == ([TARGETS["onnx"]], [])
    assert chosen("onnx-int8,onnx,onnx-int8") == ([TARGETS["onnx-int8"], TARGETS["onnx"]], [])
    with pytest.raises(
        MissingExtraError,
        match=r"export to openvino \(it uses openvino\) needs the extras 'onnx' and 'openvino'; .* '\.\[onnx,openvino\]'",
    ):
        chosen("onnx,openvino")


@pytest.mark.usefixtures("bare")
def test_all_means_what_is_installed_and_tells_the_rest() -> None:
    """Without pictures to calibrate with it means no int8 file, neither written nor missing."""
    written, skipped = chosen("all")
    assert [target.name for target in written] == ["onnx", "onnx-fp16"]
    assert [target.name for target in skipped] == [
        name for name, target in TARGETS.items() if name not in {"onnx", "onnx-fp16"} and not target.calibrated
    ]
    written, skipped = chosen("all", calibrated=True)
    assert [target.name for target in written] == ["onnx", "onnx-fp16", "onnx-int8"]
    assert len(written) + len(skipped) == len(TARGETS)


def test_the_install_line_of_a_target_brings_what_it_needs(extras: dict[str, set[str]]) -> None:
    """Its extras are extras of Livegate, and list every package that it looks for."""
    assert len(TARGETS) >= 6
    for target in TARGETS.values():
        brought = {name.replace("-", "_") for extra in target.extras for name in extras[extra]}
        assert {*NEEDS, *target.needs} - {"torchao"} <= brought, target.name  # torchao comes with executorch


def test_the_install_line_of_a_runtime_brings_it(extras: dict[str, set[str]]) -> None:
    """ONNX Runtime is in the base install, the others each in an extra."""
    assert len(RUNTIMES) == 6
    assert [runtime for runtime, facts in RUNTIMES.items() if not facts.extra] == ["onnx"]
    for facts in RUNTIMES.values():
        assert not facts.extra or facts.package in extras[facts.extra], facts.label


def test_without_torch_the_line_of_the_format_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the light install, where the extra that trains would not be enough."""
    monkeypatch.setattr(targets, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"export to ncnn \(it uses torch\) .* pip install '\.\[onnx,ncnn\]'"):
        chosen("ncnn")
    with pytest.raises(MissingExtraError, match=r"export to onnx \(it uses torch\) .* pip install '\.\[onnx\]'"):
        chosen("all")


@pytest.mark.parametrize("text", ["", "tflite", "onnx,", "ONNX", "onnx-fp32", "all,onnx"])
def test_an_unknown_format_is_refused(text: str) -> None:
    """The message lists those there are."""
    with pytest.raises(LivegateError, match=r"unknown format .*; formats are onnx, .*openvino, .*, or all"):
        chosen(text)
