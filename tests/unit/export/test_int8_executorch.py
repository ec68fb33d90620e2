"""The ExecuTorch program in integers: its agreement with the network, each weight once, and what is an integer in it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn
from torch.fx import GraphModule, Node

from livegate.configuration import Branch, Configuration
from livegate.errors import LivegateError
from livegate.models.mobilenet_v2 import Classifier, InvertedResidual
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock
from livegate.runtime.backends.base import Model
from livegate.runtime.backends.executorch import ExecuTorchBackend
from livegate.runtime.entry import NamedEntry

SPEC = Preprocessing(size=32)
ALL = list(Configuration.enumerate(1))
PICTURES = (np.random.default_rng(0).random((16, 3, 32, 32)) * 255).round().astype(np.float32)
CONVOLUTIONS = {"H": 1 + 6 + 1, "L": 1 + 3 + 1, "B": 1 + 6 + 3 + 1}


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The module, where its tools are installed."""
    for package in ("executorch", "torchao"):
        pytest.importorskip(package, reason="ExecuTorch is not installed: pip install '.[executorch]'")
    from livegate.export import int8_executorch

    return int8_executorch


def _conv(c_in: int, c_out: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2), nn.BatchNorm2d(c_out), nn.ReLU6(inplace=True)
    )


@pytest.fixture(scope="module")
def network() -> Network:
    """One adaptive block, its light branch with much larger values; the converter takes seconds for each layer."""
    torch.manual_seed(0)
    heavy = nn.Sequential(InvertedResidual(24, 24, 1, 4), InvertedResidual(24, 24, 1, 4))
    block = PTABlock({Branch.HEAVY: heavy, Branch.LIGHT: InvertedResidual(24, 24, 1, 4)})
    built = Network([_conv(3, 24, 3, 4), block, _conv(24, 64, 1, 1), Classifier(64, 2, 0.2)]).eval()
    nn.init.constant_(built.blocks[1].light[-1].weight, 4.0)
    nn.init.normal_(built.blocks[-1][-1].weight, std=0.3)
    return built


@pytest.fixture(scope="module")
def quantised(writer: ModuleType, network: Network) -> GraphModule:
    """The network in integers with its switches open; only to read."""
    return writer._quantised(writer._Switched(network, SPEC), ALL, PICTURES)


@pytest.fixture(scope="module")
def model(writer: ModuleType, network: Network, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The program of all three configurations, written with the same pictures; only to run."""
    folder = tmp_path_factory.mktemp("executorch")
    written = writer.write(network, SPEC, ALL, folder, PICTURES)
    assert [path.name for path in folder.iterdir()] == [*written.files] == ["model.int8.pte"]
    return Model({"model.int8.pte": (folder / "model.int8.pte").read_bytes()}, written.entry, "int8")


def _called(model: GraphModule, target: object) -> list[Node]:
    return [node for node in model.graph.nodes if node.target is target]


def _steps(value: Node) -> tuple[float, int]:
    """Scale and zero point of a value that was an integer."""
    assert "dequantize_per_tensor" in str(value.target)
    return value.args[1:3]


def test_every_configuration_agrees_with_the_network(model: Model, network: Network) -> None:
    """The error of the logits is a small part of their spread over the pictures; the configurations differ."""
    backend = ExecuTorchBackend(model)
    expected = {configuration: TorchScorer(network, SPEC).run(PICTURES, configuration) for configuration in ALL}
    assert len({logits.tobytes() for logits in expected.values()}) == 3
    for configuration in [*ALL, *reversed(ALL)]:
        error = np.sqrt(((backend.run(PICTURES, configuration) - expected[configuration]) ** 2).mean(axis=0))
        assert (error < 0.1 * expected[configuration].std(axis=0)).all()


def test_the_methods_are_named_as_their_configurations(model: Model) -> None:
    """As in the program in fp32."""
    assert model.entry == NamedEntry(kind="method", names={"H": "H", "L": "L", "B": "B"})


def test_every_weight_is_stored_once(model: Model, quantised: GraphModule) -> None:
    """The bytes of each 1x1 kernel, which are laid out alike in torch and in XNNPACK, stand in the file a single time."""
    kernels = [buffer for _, buffer in quantised.named_buffers() if buffer.dtype == torch.int8 and buffer.shape[2:] == (1, 1)]
    assert len(kernels) == 2 * 3 + 1
    assert [model.only().count(kernel.numpy().tobytes()) for kernel in kernels] == [1] * len(kernels)


def test_the_file_says_nothing_of_the_machine_that_made_it(model: Model) -> None:
    """No path of the exporting machine is in it."""
    assert not [word for word in (b"site-packages", b"/tmp", b"/home", b"/work", b".py") if word in model.only()]


@pytest.mark.parametrize("text", ["H", "L", "B"])
def test_a_method_holds_its_branches_in_integers(writer: ModuleType, quantised: GraphModule, text: str) -> None:
    """Every convolution but the first reads integers and kernels of integers, nothing is left of the other branch or of the switches."""
    method = writer._with_switches_set(quantised, Configuration.parse(text))
    first, *others = _called(method, torch.ops.aten.conv2d.default)
    assert len(others) == CONVOLUTIONS[text] - 1
    assert first.args[1].op == "get_attr"
    assert all("dequantize_per_tensor" in str(node.args[0].target) for node in others)
    assert all("dequantize_per_channel" in str(node.args[1].target) for node in others)
    assert not _called(method, torch.ops.aten.where.self)
    assert sum(buffer.dtype == torch.int8 for buffer in method.buffers()) == len(others) + (
        text == "B"
    )  # and the half of the mean
    widened = [node for node in method.graph.nodes if "dequantize_per_tensor" in str(node.target)]
    assert not [node for node in widened for user in node.users if "quantize_per_tensor" in str(user.target)]


def test_what_leaves_a_block_has_one_scale(quantised: GraphModule) -> None:
    """The end of either branch, the mean and whatever reads the block agree on scale and zero point."""
    inner, outer = _called(quantised, torch.ops.aten.where.self)
    (narrowed,) = outer.users
    ends = [inner.args[1], inner.args[2], outer.args[1], *narrowed.users]
    assert len(ends) == 4
    assert len({_steps(end) for end in ends}) == 1


def test_activations_use_the_whole_range(quantised: GraphModule) -> None:
    """What follows ReLU6 begins at its 0: no number stands for what ReLU6 took away."""
    activations = _called(quantised, torch.ops.aten.hardtanh.default)
    assert len(activations) == 1 + 2 * 3 + 1
    narrowed = [user for node in activations for user in node.users]
    assert [node.args[2] for node in narrowed] == [-128] * len(activations)


def test_each_output_channel_has_its_own_scale(quantised: GraphModule) -> None:
    """Kernels use all of -127..127 in every channel, up to rounding."""
    kernels = [buffer for _, buffer in quantised.named_buffers() if buffer.dtype == torch.int8 and buffer.ndim == 4]
    assert len(kernels) == 9 + 1
    assert all((kernel.abs().amax(dim=(1, 2, 3)) >= 126).all() for kernel in kernels)


def test_nothing_to_see_is_refused(writer: ModuleType, network: Network, tmp_path: Path) -> None:
    """Without pictures or configurations there are no ranges, and no file."""
    for pictures, configurations in ((PICTURES[:0], ALL), (PICTURES, [])):
        with pytest.raises(LivegateError, match="at least one picture and one configuration"):
            writer.write(network, SPEC, configurations, tmp_path, pictures)
    assert not [*tmp_path.iterdir()]


def test_a_plain_network_has_one_method(writer: ModuleType, tmp_path: Path) -> None:
    """Named forward; the network is left as it is."""
    torch.manual_seed(0)
    network = Network([_conv(3, 8, 3, 4), _conv(8, 8, 3, 1), Classifier(8, 2, 0.2)]).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    written = writer.write(network, SPEC, [Configuration(())], tmp_path, PICTURES)
    assert written.entry == NamedEntry(kind="method", names={"": "forward"})
    backend = ExecuTorchBackend(Model({"model.int8.pte": (tmp_path / "model.int8.pte").read_bytes()}, written.entry))
    expected = TorchScorer(network, SPEC).run(PICTURES, Configuration(()))
    assert np.abs(backend.run(PICTURES, Configuration(())) - expected).max() < 0.1 * np.ptp(expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.blocks[0][2].inplace
