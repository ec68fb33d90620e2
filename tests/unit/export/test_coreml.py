"""The Core ML package: one function a configuration, weights shared. It is converted and read here, never run: that takes a Mac."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from livegate.configuration import Configuration
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.runtime.entry import NamedEntry

HELD = [Configuration.parse(text) for text in ("HL", "LL", "BB")]
ROOT = "Data/com.apple.CoreML"
CONVOLUTIONS = {"HL": 1 + 3 * 4, "LL": 1 + 3 * 3, "BB": 1 + 3 * 7}
"""The stem, and three for each inverted residual: one between the blocks, one for a light branch, two for a heavy one."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is written; only to read."""
    return tmp_path_factory.mktemp("coreml")


@pytest.fixture(scope="module")
def written(small: Network, folder: Path) -> Written:
    """A package of three of nine configurations, with which all branches are in it."""
    pytest.importorskip("coremltools", reason="coremltools is not installed: pip install '.[onnx,coreml]'")
    from livegate.export import coreml

    return coreml.write_fp16(small, Preprocessing(size=32), HELD, folder)


@pytest.fixture(scope="module")
def spec(written: Written, folder: Path) -> Any:
    """What the package says of itself."""
    import coremltools

    return coremltools.utils.load_spec(str(folder / "model.fp16.mlpackage"))


def test_the_files_of_the_package_are_named(written: Written, folder: Path) -> None:
    """All of them and nothing else: the list, the program and the weights."""
    names = {
        f"model.fp16.mlpackage/{name}" for name in ("Manifest.json", f"{ROOT}/model.mlmodel", f"{ROOT}/weights/weight.bin")
    }
    assert set(written.files) == names
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == names


def test_the_functions_are_named_as_their_configurations(written: Written, spec: Any) -> None:
    """Each takes ``image`` and gives ``logits``, in float32; the first is the default."""
    import coremltools

    assert written.entry == NamedEntry(kind="function", names={"HL": "HL", "LL": "LL", "BB": "BB"})
    assert spec.description.defaultFunctionName == "HL"
    assert {function.name for function in spec.description.functions} == {"HL", "LL", "BB"}
    float32 = coremltools.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
    for function in spec.description.functions:
        (image,), (logits,) = function.input, function.output
        assert (image.name, list(image.type.multiArrayType.shape), image.type.multiArrayType.dataType) == (
            "image",
            [1, 3, 32, 32],
            float32,
        )
        assert (logits.name, logits.type.multiArrayType.dataType) == ("logits", float32)


def test_each_function_holds_the_layers_of_its_configuration(spec: Any) -> None:
    """As many convolutions as the branches that it names."""
    for name, function in spec.mlProgram.functions.items():
        (block,) = function.block_specializations.values()
        assert sum(operation.type == "conv" for operation in block.operations) == CONVOLUTIONS[name]


def test_weights_are_shared(written: Written, folder: Path, small: Network) -> None:
    """All three functions together hold each weight once, two bytes each and a little to find it by; equal biases, zeros here, are one."""
    kernels = [layer for layer in small.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    weights = 2 * sum(layer.weight.numel() + len(layer.weight) for layer in kernels)
    assert weights > 400_000
    stored = (folder / "model.fp16.mlpackage" / ROOT / "weights" / "weight.bin").stat().st_size
    assert 0.95 * weights <= stored <= 1.1 * weights


def test_the_package_says_nothing_of_the_machine_that_made_it(written: Written, folder: Path) -> None:
    """No path of the exporting machine is in it."""
    data = b"".join((folder / name).read_bytes() for name in written.files)
    assert not [word for word in (b"site-packages", b"/tmp", b"/home", b"/work", b".py") if word in data]
