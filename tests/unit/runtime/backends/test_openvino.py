"""OpenVINO runs the same ONNX file, in fp32 unless another precision is asked for."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.backends.onnx import OnnxBackend
from livegate.runtime.backends.openvino import OpenVinoBackend
from livegate.runtime.entry import InputEntry

pytest.importorskip("openvino")
CACHED = Options(cache=True)


@pytest.fixture(scope="module")
def backend(model: Model) -> OpenVinoBackend:
    """The default model in OpenVINO."""
    return OpenVinoBackend(model)


def test_it_computes_what_onnx_runtime_computes(backend: OpenVinoBackend, model: Model, images: NDArray[np.float32]) -> None:
    """All 27 configurations, one after the other in one loaded model, within 1e-4: this is fp32."""
    configurations = list(Configuration.enumerate(3))
    assert len(configurations) == 27
    other = OnnxBackend(model)
    for configuration in configurations:
        np.testing.assert_allclose(backend.run(images, configuration), other.run(images, configuration), rtol=0, atol=1e-4)


def test_an_answer_stays_when_the_next_is_computed(backend: OpenVinoBackend, images: NDArray[np.float32]) -> None:
    """The runtime writes into memory of its own; what was handed out is a copy."""
    first = backend.run(images, Configuration.parse("HHH"))
    kept = first.copy()
    second = backend.run(images, Configuration.parse("LLL"))
    assert np.array_equal(first, kept)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("number", [1, 3])
def test_the_batch_is_free(backend: OpenVinoBackend, number: int) -> None:
    """Each picture has the logits that it has alone."""
    images = np.random.default_rng(1).uniform(0, 255, (number, 3, 128, 128)).astype(np.float32)
    configuration = Configuration.parse("BLH")
    alone = np.concatenate([backend.run(image[None], configuration) for image in images])
    np.testing.assert_allclose(backend.run(images, configuration), alone, rtol=0, atol=1e-4)


def test_the_compiled_model_is_kept(model: Model, backend: OpenVinoBackend, images: NDArray[np.float32], folder: Path) -> None:
    """In one file; loaded from it the logits are the same bits."""
    results = [OpenVinoBackend(model, CACHED).run(images, Configuration.parse("HLB")) for _ in range(2)]
    assert len(list(folder.iterdir())) == 1
    for result in results:
        assert np.array_equal(result, backend.run(images, Configuration.parse("HLB")))


def test_what_cannot_be_kept_is_said(
    model: Model, images: NDArray[np.float32], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A cache folder that is not one's own alone: one warning, and the model runs."""
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    folder.chmod(0o755)
    with caplog.at_level(logging.WARNING):
        assert OpenVinoBackend(model, CACHED).run(images, Configuration.parse("HHH")).shape == (2, 2)
    (record,) = caplog.records
    assert "chmod 700" in record.getMessage()


@pytest.mark.parametrize("data", [b"", b"no model", bytes(1000)])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    """In one line."""
    with pytest.raises(ArtifactError, match="OpenVINO cannot load it") as caught:
        OpenVinoBackend(Model({"model.onnx": data}, InputEntry(values={"H": (0,)})))
    assert "\n" not in str(caught.value)


def test_without_openvino_the_install_line_is_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a trace of an import."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"OpenVINO needs the extra 'openvino'; .* pip install '\.\[openvino\]'"):
        OpenVinoBackend(model)
