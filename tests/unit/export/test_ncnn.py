"""The ncnn net: every configuration from parts that are stored once, equal to the network; damaged files are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, LivegateError, MissingExtraError
from livegate.export import ncnn as exporter
from livegate.export.written import Written
from livegate.models.mobilenet_v2 import mobilenet_v2
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.backends.ncnn import NcnnBackend
from livegate.runtime.entry import NamedEntry, SegmentsEntry

ALL = tuple(Configuration.enumerate(3))
PREPROCESSING = Preprocessing(size=64)
IMAGES = (np.random.default_rng(0).random((3, 3, 64, 64)) * 255).round().astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the net is written; only to read."""
    return tmp_path_factory.mktemp("ncnn")


@pytest.fixture(scope="module")
def written(network: Network, folder: Path) -> Written:
    """The net of all configurations."""
    return exporter.write(network, PREPROCESSING, ALL, folder)


@pytest.fixture(scope="module")
def model(written: Written, folder: Path) -> Model:
    """The net as a backend takes it."""
    return Model({name: (folder / name).read_bytes() for name in written.files}, written.entry)


@pytest.fixture(scope="module")
def backend(model: Model) -> NcnnBackend:
    """The net in ncnn."""
    pytest.importorskip("ncnn", reason="ncnn is not installed: pip install '.[ncnn]'")
    return NcnnBackend(model)


def _layers(model: Model) -> list[list[str]]:
    """The words of each layer: kind, name, numbers of inputs and outputs, …."""
    return [line.split() for line in model.files["model.ncnn.param"].decode("ascii").splitlines()[2:]]


def test_every_configuration_agrees_with_the_network(backend: NcnnBackend, network: Network) -> None:
    """All 27 give torch's logits of raw pixels within 1e-4, and no two of them the same."""
    torch_logits = {c: TorchScorer(network, PREPROCESSING).run(IMAGES, c) for c in ALL}
    assert len({logits.tobytes() for logits in torch_logits.values()}) == 27
    for configuration, logits in torch_logits.items():
        got = backend.run(IMAGES, configuration)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, logits, rtol=0, atol=1e-4)


def test_the_picture_of_the_caller_stays_as_it_is(backend: NcnnBackend) -> None:
    """The net computes in place, in a copy; a picture that does not lie row by row in memory gives the same."""
    images = IMAGES.copy()
    first = backend.run(images, ALL[0])
    assert np.array_equal(images, IMAGES)
    turned = np.ascontiguousarray(IMAGES.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert np.array_equal(backend.run(turned, ALL[0]), first)


def test_more_threads_give_the_same(model: Model, backend: NcnnBackend) -> None:
    """Up to rounding."""
    two = NcnnBackend(model, Options(threads=2))
    np.testing.assert_allclose(two.run(IMAGES, ALL[-1]), backend.run(IMAGES, ALL[-1]), rtol=0, atol=1e-4)


def test_every_weight_is_stored_once(model: Model, network: Network) -> None:
    """The file of weights holds each kernel with a bias a channel, the classifier, six numbers to normalise, and a mark for each layer."""
    kernels = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    (linear,) = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    numbers = sum(layer.weight.numel() + layer.out_channels for layer in kernels) + sum(p.numel() for p in linear.parameters())
    assert len(kernels) == 52 + 9
    assert len(model.files["model.ncnn.bin"]) == 4 * (numbers + 6 + len(kernels) + 1)


def test_the_text_is_small(model: Model) -> None:
    """All configurations together take 2 % more than the weights of BBB at most."""
    assert len(model.files["model.ncnn.param"]) <= 0.02 * len(model.files["model.ncnn.bin"])


def test_relu_costs_no_layer_of_its_own(model: Model) -> None:
    """It is a part of the convolution before it, as is batch normalisation; a value with two readers is split."""
    kinds = [layer[0] for layer in _layers(model)]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "BinaryOp": 10 + 3,  # the shortcuts of the plain network, and of the three light branches
        "Convolution": 35 + 6,
        "ConvolutionDepthWise": 17 + 3,
        "Eltwise": 3,
        "InnerProduct": 1,
        "Input": 1 + 4 + 3 * 4,
        "Pooling": 1,
        "Scale": 1,
        "Split": 13,
    }


def test_the_entry_says_which_parts_run(written: Written) -> None:
    """A light configuration runs as many parts as a heavy one; both branches of a block run their two parts and the mean."""
    entry = written.entry
    assert isinstance(entry, SegmentsEntry)
    assert set(entry.configurations) == {str(c) for c in ALL}
    assert {text: len(entry.steps[text]) for text in ("HHH", "LLL", "HLB", "BBB")} == {"HHH": 8, "LLL": 8, "HLB": 10, "BBB": 14}
    heavy, light, both = entry.steps["BHH"][2:5]
    assert set(heavy.inputs.values()) == set(light.inputs.values()) == {entry.steps["BHH"][1].output}
    assert list(both.inputs.values()) == [heavy.output, light.output]


def test_a_network_without_adaptive_blocks_is_one_chain(tmp_path: Path) -> None:
    """Normalisation and one part, under the empty configuration."""
    pytest.importorskip("ncnn", reason="ncnn is not installed: pip install '.[ncnn]'")
    torch.manual_seed(0)
    network = mobilenet_v2(()).eval()
    nn.init.normal_(network.blocks[-1][-1].weight, std=0.05)
    written = exporter.write(network, PREPROCESSING, [Configuration(())], tmp_path)
    assert len(written.entry.steps[""]) == 2
    backend = NcnnBackend(Model({name: (tmp_path / name).read_bytes() for name in written.files}, written.entry))
    expected = TorchScorer(network, PREPROCESSING).run(IMAGES, Configuration(()))
    np.testing.assert_allclose(backend.run(IMAGES, Configuration(())), expected, rtol=0, atol=1e-4)


def test_the_mean_in_a_network_that_cannot_switch(network: Network, tmp_path: Path) -> None:
    """Both branches everywhere, as a plain network: what a static file is measured with."""
    pytest.importorskip("ncnn", reason="ncnn is not installed: pip install '.[ncnn]'")
    plain = Network(network.fixed(ALL[-1])).eval()
    written = exporter.write(plain, PREPROCESSING, [Configuration(())], tmp_path)
    backend = NcnnBackend(Model({name: (tmp_path / name).read_bytes() for name in written.files}, written.entry))
    expected = TorchScorer(network, PREPROCESSING).run(IMAGES, ALL[-1])
    np.testing.assert_allclose(backend.run(IMAGES, Configuration(())), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("write", "precision", "limit"), [(exporter.write, "fp32", 1e-4), (exporter.write_fp16, "fp16", 0.2)])
def test_h_swish_and_weighed_channels(
    mobilenet_v3: Network,
    varied: NDArray[np.float32],
    write: Callable[..., Written],
    precision: str,
    limit: float,
    tmp_path: Path,
) -> None:
    """A MobileNetV3 agrees with torch in every configuration, on pictures that it tells apart."""
    pytest.importorskip("ncnn", reason="ncnn is not installed: pip install '.[ncnn]'")
    configurations = list(Configuration.enumerate(1))
    written = write(mobilenet_v3, PREPROCESSING, configurations, tmp_path)
    backend = NcnnBackend(Model({name: (tmp_path / name).read_bytes() for name in written.files}, written.entry, precision))
    for configuration in configurations:
        expected = TorchScorer(mobilenet_v3, PREPROCESSING).run(varied, configuration)
        assert (expected.std(axis=0) > 0.4).all()
        np.testing.assert_allclose(backend.run(varied, configuration), expected, rtol=0, atol=limit)


def test_an_activation_goes_into_the_convolution_before_it(tmp_path: Path) -> None:
    """All but those behind squeeze and excite, which weighs the channels in between, and behind the head's normalisation."""
    network = ModelSpec("mobilenet-v3-small", ()).build().eval()
    exporter.write(network, PREPROCESSING, [Configuration(())], tmp_path)
    layers = [line.split() for line in (tmp_path / "model.ncnn.param").read_text().splitlines()[2:]]
    kinds = [layer[0] for layer in layers]
    # Nine blocks of eleven squeeze; the first of them, which does not expand, has its activation before that.
    assert {kind: kinds.count(kind) for kind in ("InnerProduct", "HardSwish", "ReLU", "HardSigmoid", "Scale")} == {
        "InnerProduct": 2 * 9 + 1,  # one number a channel has no height and width that a convolution could go over
        "HardSwish": 8 + 1,
        "ReLU": 0,
        "HardSigmoid": 9,
        "Scale": 1 + 1,
    }
    # The stem, the tail, and the expansion of eight blocks; ReLU: two in each block without h-swish, but one in the first, and the squeezes.
    assert sum("9=6" in layer for layer in layers) == 2 + 8
    assert sum("9=1" in layer for layer in layers) == 1 + 2 * 2 + 9


def test_an_operation_with_a_number_in_front_is_refused(tmp_path: Path) -> None:
    """One divided by the value is not the value divided by one."""

    class Inverse(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 1 / x

    with pytest.raises(LivegateError, match=r"ncnn: .*truediv.* cannot be written"):
        exporter.write(Network([Inverse()]), PREPROCESSING, [Configuration(())], tmp_path)


def test_an_unknown_layer_is_refused(tmp_path: Path) -> None:
    """It is named, and no file is left that lacks it."""
    network = Network([nn.Sequential(nn.Conv2d(3, 4, 1), nn.Softplus())])
    with pytest.raises(LivegateError, match=r"ncnn: Softplus.* cannot be written; .* or export to another format"):
        exporter.write(network, PREPROCESSING, [Configuration(())], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.ncnn.param", b""),
        ("model.ncnn.param", b"no net\n"),
        ("model.ncnn.param", b"7767517\n9 9\n"),
        ("model.ncnn.param", b"\xff\x00" * 1000),
        ("model.ncnn.bin", b""),
        ("model.ncnn.bin", bytes(1_000_000)),
    ],
)
def test_a_damaged_file_is_refused(model: Model, backend: NcnnBackend, name: str, data: bytes) -> None:
    """In one line that says which of the two it is."""
    with pytest.raises(ArtifactError, match=rf"ncnn model: ncnn cannot load its \.{name.rpartition('.')[2]} file$"):
        NcnnBackend(Model({**model.files, name: data}, model.entry))


def test_an_entry_of_another_net_is_refused(model: Model, backend: NcnnBackend) -> None:
    """Also one of another kind."""
    steps = {"HHH": ({"inputs": {"nowhere": "image"}, "output": "nothing"},)}
    stray = NcnnBackend(Model(model.files, SegmentsEntry.model_validate({"steps": steps})))
    with pytest.raises(ArtifactError, match="ncnn cannot compute 'nothing' from nowhere"):
        stray.run(IMAGES, ALL[0])
    with pytest.raises(ArtifactError, match="its entry is of the kind 'method'"):
        NcnnBackend(Model(model.files, NamedEntry(kind="method", names={"HHH": "HHH"})))


def test_without_ncnn_the_install_line_is_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else."""
    monkeypatch.setitem(__import__("sys").modules, "ncnn", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[ncnn\]'"):
        NcnnBackend(model)
