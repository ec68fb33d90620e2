"""The LiteRT file: one signature a configuration, weights shared, equal to the network; damaged files are refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from torch import nn

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.backends.litert import LiteRTBackend
from livegate.runtime.entry import InputEntry, NamedEntry

HELD = [Configuration.parse(text) for text in ("HL", "LL", "BB")]
PREPROCESSING = Preprocessing(size=32)
IMAGES = (np.random.default_rng(0).random((3, 3, 32, 32)) * 255).round().astype(np.float32)


@pytest.fixture(scope="module")
def model(small: Network, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A file of three of nine configurations, with which all branches are in it."""
    pytest.importorskip("litert_torch", reason="litert-torch is not installed: pip install '.[onnx,litert-torch]'")
    from livegate.export import litert

    folder = tmp_path_factory.mktemp("litert")
    written = litert.write(small, PREPROCESSING, HELD, folder)
    assert [path.name for path in folder.iterdir()] == [*written.files] == ["model.tflite"]
    return Model({"model.tflite": (folder / "model.tflite").read_bytes()}, written.entry)


def _expected(small: Network, configuration: Configuration) -> np.ndarray:
    return TorchScorer(small, PREPROCESSING).run(IMAGES, configuration)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_configuration_agrees_with_the_network(model: Model, small: Network, threads: int) -> None:
    """Each gives torch's logits of raw pixels within 1e-4, whichever ran before it, and they differ."""
    backend = LiteRTBackend(model, Options(threads))
    assert len({_expected(small, configuration).tobytes() for configuration in HELD}) == 3
    for configuration in [*HELD, *reversed(HELD)]:
        got = backend.run(IMAGES, configuration)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, _expected(small, configuration), rtol=0, atol=1e-4)


def test_signatures_inputs_and_outputs_are_named(model: Model) -> None:
    """As the configuration, ``image`` and ``logits``, so that a caller in another language needs no table."""
    from ai_edge_litert.interpreter import Interpreter

    assert model.entry == NamedEntry(kind="signature", names={"HL": "HL", "LL": "LL", "BB": "BB"})
    signatures = Interpreter(model_content=model.only()).get_signature_list()
    assert signatures == {name: {"inputs": ["image"], "outputs": ["logits"]} for name in ("HL", "LL", "BB")}


def test_weights_are_shared(model: Model, small: Network) -> None:
    """The three signatures take little more than all weights, of which they use 1.9 times as many in sum.

    The half of the mean is multiplied into the layer after it, which therefore is stored once more.
    """
    kernels = [layer for layer in small.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    weights = 4 * sum(layer.weight.numel() + len(layer.weight) for layer in kernels)
    assert weights > 800_000
    assert weights < len(model.only()) < 1.3 * weights


def test_the_file_says_nothing_of_the_machine_that_made_it(model: Model) -> None:
    """No path of the exporting machine is in it."""
    assert not [word for word in (b"site-packages", b"/tmp", b"/home", b"/work", b".py") if word in model.only()]


@pytest.mark.parametrize("data", [b"", b"no model" * 100, b"\0" * 10_000])
def test_what_is_no_model_is_refused(model: Model, data: bytes) -> None:
    """In one line."""
    with pytest.raises(ArtifactError, match="LiteRT model: LiteRT cannot load it") as caught:
        LiteRTBackend(Model({"model.tflite": data}, model.entry))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_half_a_model_is_refused(model: Model, share: float) -> None:
    """Wherever it is cut."""
    data = model.only()
    with pytest.raises(ArtifactError, match="LiteRT cannot load it"):
        LiteRTBackend(Model({"model.tflite": data[: int(share * len(data))]}, model.entry))


def test_an_entry_of_another_file_is_refused(model: Model) -> None:
    """It names a signature that is not there, or is of another kind."""
    with pytest.raises(ArtifactError, match=r"LiteRT cannot load it .*HH"):
        LiteRTBackend(Model(model.files, NamedEntry(kind="signature", names={"HH": "HH"})))
    with pytest.raises(ArtifactError, match="its entry is of the kind 'input'"):
        LiteRTBackend(Model(model.files, InputEntry(values={"HH": (0, 0)})))


def test_without_litert_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[litert\]'"):
        LiteRTBackend(Model({"model.tflite": b""}, NamedEntry(kind="signature", names={"HH": "HH"})))
