"""The ONNX file in integers: its contract, its agreement with the network, and that runtimes compute it in integers inside the gates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.errors import LivegateError
from livegate.export.int8_onnx import _feeds, to_int8, write
from livegate.models.mobilenet_v2 import Classifier, InvertedResidual
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock

SPEC = Preprocessing(size=32)
ALL = list(Configuration.enumerate(2))
CONVOLUTIONS = 1 + (6 + 3) + (6 + 3) + 1
"""A stem; two blocks whose branches have two and one inverted residuals of three convolutions each; one before the classifier."""


def _convolutions(network: Network) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(c_out), nn.ReLU6())


def _block(c_in: int, c_out: int, stride: int) -> PTABlock:
    first, light = (InvertedResidual(c_in, c_out, stride, 4) for _ in range(2))
    return PTABlock({Branch.HEAVY: nn.Sequential(first, InvertedResidual(c_out, c_out, 1, 4)), Branch.LIGHT: light})


@pytest.fixture(scope="module")
def network() -> Network:
    """Small and random: one block that changes the shape, one that does not, and a first light branch with much larger values."""
    torch.manual_seed(0)
    built = Network([_conv(3, 16, 3, 2), _block(16, 24, 2), _block(24, 24, 1), _conv(24, 64, 1), Classifier(64, 2, 0.2)])
    for layer in built.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the statistics become those of the last batch
            nn.init.uniform_(layer.weight, 0.8, 1.2)
            nn.init.normal_(layer.bias, 0, 0.1)
    with torch.inference_mode():
        for branch in (Branch.LIGHT, Branch.HEAVY):
            built.train()(torch.randn(64, 3, 32, 32), Configuration.uniform(branch, 2))
    nn.init.constant_(built.blocks[1].light[-1].weight, 4.0)
    return built.eval()


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Blurred noise of all brightnesses, (32, 3, 32, 32) float32, 0..255."""
    noise = torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    smooth = nn.functional.interpolate(nn.functional.avg_pool2d(noise, 4), scale_factor=4, mode="bilinear")
    spread = (smooth - smooth.mean()) / smooth.std() * torch.linspace(20, 60, 32).reshape(-1, 1, 1, 1) + 127
    return spread.clamp(0, 255).round().numpy()


@pytest.fixture(scope="module")
def model(network: Network, pictures: np.ndarray) -> ModelProto:
    """The network in integers; only to read."""
    return to_int8(network, SPEC, ALL, pictures)


@pytest.fixture(scope="module")
def session(model: ModelProto) -> onnxruntime.InferenceSession:
    """The file in ONNX Runtime itself, not in Livegate's engine."""
    return _session(model)


def _session(model: ModelProto, saved: Path | None = None) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    if saved:
        options.optimized_model_filepath = str(saved)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, pictures: np.ndarray, configuration: Configuration) -> list[np.ndarray]:
    return session.run(None, {"image": pictures, "configuration": np.array(configuration.codes, np.int64)})


def _by_torch(network: Network, pictures: np.ndarray, configuration: Configuration) -> np.ndarray:
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (SPEC.mean, SPEC.std))
    with torch.inference_mode():
        return network(torch.from_numpy((pictures - mean) / std), configuration).numpy()


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and all that are inside it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)


def _tensors(model: ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for graph in _graphs(model.graph) for tensor in graph.initializer}


def test_inputs_and_output_are_those_of_the_file_in_fp32(session: onnxruntime.InferenceSession) -> None:
    """Image float32 (N, 3, size, size) with N free, configuration int64 (blocks,), logits float32 (N, 2)."""
    assert [(i.name, i.type, i.shape) for i in session.get_inputs()] == [
        ("image", "tensor(float)", ["N", 3, 32, 32]),
        ("configuration", "tensor(int64)", [2]),
    ]
    assert [(o.name, o.type, o.shape) for o in session.get_outputs()] == [("logits", "tensor(float)", ["N", 2])]


@pytest.mark.parametrize("configuration", ALL, ids=str)
def test_every_configuration_agrees_with_the_network(
    session: onnxruntime.InferenceSession, network: Network, pictures: np.ndarray, configuration: Configuration
) -> None:
    """The error of the logits is a small part of their spread over the pictures, whichever branches ran."""
    expected, (got,) = _by_torch(network, pictures, configuration), _run(session, pictures, configuration)
    error = np.sqrt(((got - expected) ** 2).mean(axis=0))
    assert (error < 0.2 * expected.std(axis=0)).all()


def test_the_configurations_differ(session: onnxruntime.InferenceSession, pictures: np.ndarray) -> None:
    """All 9 give logits of their own, so that agreement says something."""
    assert len({_run(session, pictures, configuration)[0].tobytes() for configuration in ALL}) == 9


def test_both_is_the_mean_of_the_branches_in_integers(model: ModelProto, pictures: np.ndarray) -> None:
    """What leaves the first gate for B is half of the sum of what leaves it for H and for L, to half a step."""
    opened = ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.append(onnx.helper.make_tensor_value_info("block1.out", TensorProto.UINT8, None))
    session = _session(opened)
    heavy, light, both = (_run(session, pictures, Configuration.parse(text))[1].astype(int) for text in ("HH", "LH", "BH"))
    assert np.abs(heavy - light).max() > 50
    assert np.abs(2 * both - (heavy + light)).max() <= 1


def test_integers_pass_the_gates(model: ModelProto) -> None:
    """Four gates, and the choice inside each second one, hand out uint8 on both sides."""
    gates = [node for graph in _graphs(model.graph) for node in graph.node if node.op_type == "If"]
    assert len(gates) == 6
    types = [attribute.g.output[0].type.tensor_type.elem_type for gate in gates for attribute in gate.attribute]
    assert types == [TensorProto.UINT8] * 12


def test_weights_are_stored_once_in_seven_bits(model: ModelProto, network: Network) -> None:
    """Where a block follows the first convolution: all kernels but that one are int8 within -64..63 or 64, each there once; nothing large is left in fp32."""
    tensors = _tensors(model)
    kernels = [array for array in tensors.values() if array.dtype == np.int8 and array.ndim == 4]
    layers = _convolutions(network)[1:]
    assert len(kernels) == len(layers) == CONVOLUTIONS - 1
    assert sorted(array.size for array in kernels) == sorted(layer.weight.numel() for layer in layers)
    assert len({array.tobytes() for array in kernels}) == len(kernels)
    assert all(60 <= np.abs(array.astype(int)).max() <= 64 for array in kernels)
    in_fp32 = sorted(array.size for array in tensors.values() if array.dtype == np.float32 and array.ndim > 1)
    assert in_fp32 == [3, 3, 2 * 64, 16 * 3 * 3 * 3]  # mean, std, classifier, first convolution


@pytest.mark.parametrize("adaptive", [True, False])
def test_the_first_four_convolutions_stay_in_fp32_where_no_block_is_earlier(pictures: np.ndarray, *, adaptive: bool) -> None:
    """The stem, the three of the block behind it and none of what comes after; a network that cannot switch, likewise."""
    torch.manual_seed(0)
    last = _block(24, 24, 1) if adaptive else InvertedResidual(24, 24, 1, 4)
    built = Network([_conv(3, 16, 3, 2), InvertedResidual(16, 24, 2, 4), last, _conv(24, 64, 1), Classifier(64, 2, 0.2)]).eval()
    configurations = list(Configuration.enumerate(built.adaptive_blocks))
    written = to_int8(built, SPEC, configurations, pictures)
    kernels = [array for array in _tensors(written).values() if array.ndim == 4 and array.size > 3]
    in_fp32 = sorted(array.shape for array in kernels if array.dtype == np.float32)
    assert in_fp32 == sorted([(16, 3, 3, 3), (64, 16, 1, 1), (64, 1, 3, 3), (24, 64, 1, 1)])
    assert sum(array.dtype == np.int8 for array in kernels) == len(_convolutions(built)) - len(in_fp32)


def test_each_output_channel_has_its_own_scale(model: ModelProto) -> None:
    """A kernel of (c_out, …) is widened by c_out scales along its first axis."""
    tensors = _tensors(model)
    nodes = [node for graph in _graphs(model.graph) for node in graph.node if node.op_type == "DequantizeLinear"]
    kernels = [node for node in nodes if tensors.get(node.input[0], np.zeros(0)).ndim == 4]
    assert len(kernels) == CONVOLUTIONS - 1
    for node in kernels:
        assert [attribute.i for attribute in node.attribute if attribute.name == "axis"] == [0]
        assert tensors[node.input[1]].shape == (tensors[node.input[0]].shape[0],)


@pytest.mark.parametrize(("block", "after"), [("block1", "block2"), ("block2", "block3")])
def test_what_leaves_a_block_has_one_scale(model: ModelProto, block: str, after: str) -> None:
    """The end of either branch, the mean and whatever reads the block agree on scale and zero point."""
    tensors = _tensors(model)
    nodes = [node for graph in _graphs(model.graph) for node in graph.node]
    made = {node.output[0]: node for node in nodes}
    (heavy,) = (graph.output[0].name for graph in _graphs(model.graph) if graph.name == f"{block}.H")
    ends = [made[heavy], made[made[f"{block}.L.alone"].input[0]], made[f"{block}.L.both.mean"]]
    assert [node.op_type for node in ends] == ["QuantizeLinear"] * 3
    readers = [node for node in nodes if node.op_type == "DequantizeLinear" and node.input[0] == f"{block}.out"]
    assert {node.name.split(".")[0] for node in readers} == {after}
    ends += readers
    assert len({(tensors[node.input[1]].item(), tensors[node.input[2]].item()) for node in ends}) == 1


def test_onnx_runtime_computes_in_integers_inside_the_gates(model: ModelProto, tmp_path: Path) -> None:
    """Once optimised, every convolution but the first and every sum is an integer kernel, and nothing is widened at a gate."""
    _session(model, tmp_path / "optimised.onnx")
    outer, *inner = _graphs(onnx.load(tmp_path / "optimised.onnx").graph)
    kinds = [node.op_type for graph in (outer, *inner) for node in graph.node]
    assert (kinds.count("QLinearConv"), kinds.count("Conv")) == (CONVOLUTIONS - 1, 1)
    # The second residual of each heavy branch, the light one of the block that keeps the shape with its first heavy one, two means.
    assert (kinds.count("QLinearAdd"), kinds.count("Add")) == (2 + 2 + 2, 0)
    inside = {node.op_type for graph in inner for node in graph.node}
    assert inside == {"QLinearConv", "QLinearAdd", "Transpose", "Identity", "If"}
    assert (kinds.count("QuantizeLinear"), kinds.count("DequantizeLinear")) == (1, 1)


def test_names_are_unique_over_all_graphs(model: ModelProto) -> None:
    """Inner graphs see outer names, so that no value may be called as another."""
    names = [name for graph in _graphs(model.graph) for node in graph.node for name in node.output]
    names += [tensor.name for graph in _graphs(model.graph) for tensor in graph.initializer]
    assert len(names) == len(set(names))


def test_the_file_says_nothing_of_the_machine_that_made_it(model: ModelProto) -> None:
    """No path, no stack trace, no notes of the tools."""
    data = model.SerializeToString()
    assert not [word for word in (b"site-packages", b"/tmp", b"/home", b".py", b"Traceback") if word in data]
    assert model.producer_name == "livegate"
    assert not model.metadata_props


def test_the_batch_is_free(session: onnxruntime.InferenceSession, pictures: np.ndarray) -> None:
    """Each picture has the logits that it has alone, up to the rounding of the classifier."""
    (together,) = _run(session, pictures[:5], ALL[4])
    alone = np.concatenate([_run(session, pictures[place : place + 1], ALL[4])[0] for place in range(5)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_every_configuration_sees_pictures_and_every_picture_is_seen() -> None:
    """Pictures are dealt in turn; where there are fewer of them than configurations they come round again."""
    for number in (1, 5, 9, 40):
        pictures = np.arange(number, dtype=np.float32)
        feeds = list(_feeds(pictures, ALL))
        seen = np.concatenate([feed["image"] for feed in feeds])
        assert {tuple(feed["configuration"]) for feed in feeds} == {configuration.codes for configuration in ALL}
        assert set(seen) == set(pictures)
        assert len(seen) == max(number, 9)
        assert max(len(feed["image"]) for feed in feeds) <= 16


@pytest.mark.parametrize(("number", "configurations"), [(0, ALL), (3, [])])
def test_nothing_to_see_is_refused(
    network: Network, pictures: np.ndarray, number: int, configurations: list[Configuration]
) -> None:
    """Without pictures or configurations there are no ranges."""
    with pytest.raises(LivegateError, match="at least one picture and one configuration"):
        to_int8(network, SPEC, configurations, pictures[:number])


def test_a_plain_network_is_written_the_same_each_time(pictures: np.ndarray, tmp_path: Path) -> None:
    """Without adaptive blocks the file takes a picture alone; twice the same input gives twice the same bytes, and no change to the network."""
    torch.manual_seed(0)
    network = Network([_conv(3, 8, 3, 2), _conv(8, 8, 3, 1), Classifier(8, 2, 0.2)]).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    none = [Configuration(())]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        written = write(network, SPEC, none, tmp_path / name, pictures)
        assert (written.files, dict(written.entry.values)) == (("model.int8.onnx",), {"": ()})
    first, second = ((tmp_path / name / "model.int8.onnx").read_bytes() for name in ("first", "second"))
    assert first == second
    session = onnxruntime.InferenceSession(first, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["image"]
    expected = _by_torch(network, pictures, none[0])
    assert np.abs(session.run(None, {"image": pictures})[0] - expected).max() < 0.1 * np.ptp(expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
