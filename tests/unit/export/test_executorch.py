"""The ExecuTorch program: one method a configuration, weights stored once, equal to the network; damaged files are refused."""

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
from livegate.runtime.backends.executorch import ExecuTorchBackend
from livegate.runtime.entry import InputEntry, NamedEntry

HELD = [Configuration.parse(text) for text in ("HL", "LL", "BB")]
PREPROCESSING = Preprocessing(size=32)
IMAGES = (np.random.default_rng(0).random((3, 3, 32, 32)) * 255).round().astype(np.float32)


@pytest.fixture(scope="module")
def model(small: Network, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A program of three of nine configurations, with which all branches are in it."""
    pytest.importorskip("executorch", reason="ExecuTorch is not installed: pip install '.[onnx,executorch]'")
    from livegate.export import executorch

    folder = tmp_path_factory.mktemp("executorch")
    written = executorch.write(small, PREPROCESSING, HELD, folder)
    assert [path.name for path in folder.iterdir()] == [*written.files] == ["model.pte"]
    return Model({"model.pte": (folder / "model.pte").read_bytes()}, written.entry)


def _expected(small: Network, configuration: Configuration) -> np.ndarray:
    return TorchScorer(small, PREPROCESSING).run(IMAGES, configuration)


def test_every_configuration_agrees_with_the_network(model: Model, small: Network) -> None:
    """Each gives torch's logits of raw pixels within 1e-4, whichever ran before it, and they differ."""
    backend = ExecuTorchBackend(model)
    assert len({_expected(small, configuration).tobytes() for configuration in HELD}) == 3
    for configuration in [*HELD, *reversed(HELD)]:
        got = backend.run(IMAGES, configuration)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, _expected(small, configuration), rtol=0, atol=1e-4)


def test_the_methods_are_named_as_their_configurations(model: Model) -> None:
    """So that a caller in another language needs no table."""
    assert model.entry == NamedEntry(kind="method", names={"HL": "HL", "LL": "LL", "BB": "BB"})


def test_every_weight_is_stored_once(model: Model, small: Network) -> None:
    """The three methods take little more than all weights, of which they use 1.9 times as many in sum."""
    kernels = [layer for layer in small.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    weights = 4 * sum(layer.weight.numel() + len(layer.weight) for layer in kernels)
    assert weights > 800_000
    assert weights < len(model.only()) < 1.2 * weights


def test_the_file_says_nothing_of_the_machine_that_made_it(model: Model) -> None:
    """No path of the exporting machine is in it."""
    assert not [word for word in (b"site-packages", b"/tmp", b"/home", b"/work", b".py") if word in model.only()]


def test_backends_of_one_process_do_not_disturb_each_other(model: Model, small: Network) -> None:
    """Also with another number of threads, which is that of the process."""
    first, second = ExecuTorchBackend(model), ExecuTorchBackend(model, Options(threads=2))
    for backend in (first, second, first):
        np.testing.assert_allclose(backend.run(IMAGES, HELD[2]), _expected(small, HELD[2]), rtol=0, atol=1e-4)


@pytest.mark.parametrize("data", [b"", b"no program" * 100, b"\0" * 10_000])
def test_what_is_no_program_is_refused(model: Model, data: bytes) -> None:
    """In one line."""
    with pytest.raises(ArtifactError, match="ExecuTorch program: ExecuTorch cannot run it") as caught:
        ExecuTorchBackend(Model({"model.pte": data}, model.entry))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_half_a_program_is_refused(model: Model, share: float) -> None:
    """At the latest when it is run."""
    data = model.only()
    with pytest.raises(ArtifactError, match="ExecuTorch cannot run it"):
        ExecuTorchBackend(Model({"model.pte": data[: int(share * len(data))]}, model.entry)).run(IMAGES, HELD[0])


def test_an_entry_of_another_file_is_refused(model: Model) -> None:
    """It names a method that is not there, or is of another kind."""
    with pytest.raises(ArtifactError, match="has no method 'HH'; it has BB, HL, LL"):
        ExecuTorchBackend(Model(model.files, NamedEntry(kind="method", names={"HH": "HH"})))
    with pytest.raises(ArtifactError, match="its entry is of the kind 'input'"):
        ExecuTorchBackend(Model(model.files, InputEntry(values={"HH": (0, 0)})))


def test_without_executorch_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else."""
    monkeypatch.setitem(sys.modules, "executorch.extension.pybindings", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[executorch\]'"):
        ExecuTorchBackend(Model({"model.pte": b""}, NamedEntry(kind="method", names={"HH": "HH"})))
