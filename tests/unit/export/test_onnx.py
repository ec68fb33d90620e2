"""The switchable ONNX file: its contract, its weights stored once and inside the gates, its agreement with the network."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import GraphProto, TensorProto
from torch import nn

from livegate.configuration import Configuration
from livegate.export.onnx import halved, to_onnx
from livegate.export.parity import tolerance
from livegate.models.mobilenet_v2 import mobilenet_v2
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock

CODES = {"H": 0, "L": 1, "B": 2}
ALL = ["".join(letters) for letters in itertools.product("HLB", repeat=3)]


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and all that are inside it."""
    yield graph
    for inner in _inner(graph):
        yield from _graphs(inner)


def _inner(graph: GraphProto) -> list[GraphProto]:
    return [attribute.g for node in graph.node for attribute in node.attribute if attribute.type == onnx.AttributeProto.GRAPH]


def _elements(graph: GraphProto) -> int:
    """Numbers in float initializers of the graph itself."""
    return sum(int(np.prod(t.dims)) for t in graph.initializer if t.data_type == TensorProto.FLOAT)


def _fused(module: nn.Module) -> int:
    """Parameters once batch normalisation is folded: each kernel gets one bias a channel, and the linear layer is as it was."""
    layers = list(module.modules())
    kernels = sum(layer.weight.numel() + layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d))
    return kernels + sum(p.numel() for layer in layers if isinstance(layer, nn.Linear) for p in layer.parameters())


def _pixels(number: int, size: int = 64) -> np.ndarray:
    return (np.random.default_rng(0).random((number, 3, size, size)) * 255).round().astype(np.float32)


def _by_torch(network: Network, pixels: np.ndarray, text: str) -> np.ndarray:
    """Normalised by hand, with the statistics of the spec."""
    mean = 255 * np.array([0.5931, 0.4690, 0.4229]).reshape(1, 3, 1, 1)
    std = 255 * np.array([0.2471, 0.2214, 0.2157]).reshape(1, 3, 1, 1)
    with torch.inference_mode():
        return network(torch.from_numpy(((pixels - mean) / std).astype(np.float32)), Configuration.parse(text)).numpy()


@pytest.fixture(scope="module")
def session(exported: Path) -> onnxruntime.InferenceSession:
    """The file in ONNX Runtime itself, not in Livegate's engine."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(exported / "model.onnx", options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, pixels: np.ndarray, codes: list[int]) -> np.ndarray:
    return session.run(["logits"], {"image": pixels, "configuration": np.array(codes, np.int64)})[0]


def test_inputs_and_output_are_those_of_the_contract(session: onnxruntime.InferenceSession) -> None:
    """Image float32 (N, 3, size, size) with N free, configuration int64 (3,), logits float32 (N, 2)."""
    assert [(i.name, i.type, i.shape) for i in session.get_inputs()] == [
        ("image", "tensor(float)", ["N", 3, 64, 64]),
        ("configuration", "tensor(int64)", [3]),
    ]
    assert [(o.name, o.type, o.shape) for o in session.get_outputs()] == [("logits", "tensor(float)", ["N", 2])]


def test_there_are_twenty_seven_configurations() -> None:
    """Each word of three letters is tested below."""
    assert len(set(ALL)) == 27


@pytest.mark.parametrize("text", ALL)
def test_every_configuration_agrees_with_the_network(
    session: onnxruntime.InferenceSession, network: Network, text: str
) -> None:
    """On raw pixels of 0..255 the file gives torch's logits within 1e-4: normalisation is inside."""
    pixels = _pixels(3)
    expected = _by_torch(network, pixels, text)
    assert np.ptp(expected, axis=0).max() > 0.01  # the pictures differ, not only the biases
    np.testing.assert_allclose(_run(session, pixels, [CODES[c] for c in text]), expected, rtol=0, atol=1e-4)


def test_the_configurations_differ(session: onnxruntime.InferenceSession) -> None:
    """All 27 give logits of their own, so that agreement says something."""
    outputs = np.stack([_run(session, _pixels(1), [CODES[c] for c in text])[0] for text in ALL])
    assert len(np.unique(outputs.round(6), axis=0)) == 27


@pytest.mark.parametrize("number", [1, 2, 7])
def test_the_batch_is_free(session: onnxruntime.InferenceSession, number: int) -> None:
    """Any number of pictures runs, and each has the logits that it has alone."""
    pixels = _pixels(7)[:number]
    together = _run(session, pixels, [0, 1, 2])
    alone = np.concatenate([_run(session, pixels[place : place + 1], [0, 1, 2]) for place in range(number)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-4)


@pytest.mark.parametrize("codes", [[], [0], [0, 0], [0, 0, 0, 0]])
def test_another_number_of_codes_is_refused(session: onnxruntime.InferenceSession, codes: list[int]) -> None:
    """One code for each adaptive block, or the runtime stops."""
    with pytest.raises(Exception, match=r"(?i)invalid|dimension|rank"):
        _run(session, _pixels(1), codes)


@pytest.mark.parametrize("code", [-1, 3, 99])
def test_an_unknown_code_computes_both_branches_and_never_less(session: onnxruntime.InferenceSession, code: int) -> None:
    """ONNX cannot raise: what is neither H nor L runs as B, the most thorough; Livegate's engine never sends such a code."""
    assert np.array_equal(_run(session, _pixels(1), [code, 0, 1]), _run(session, _pixels(1), [2, 0, 1]))


def test_every_weight_is_stored_once(model: onnx.ModelProto, network: Network) -> None:
    """All initializers of all graphs together are the fused parameters within 1 %, and no two of them are alike."""
    graphs = list(_graphs(model.graph))
    tensors = [tensor for graph in graphs for tensor in graph.initializer]
    stored = sum(onnx.numpy_helper.to_array(tensor).nbytes for tensor in tensors)
    assert stored == pytest.approx(4 * _fused(network), rel=0.01)
    large = [onnx.numpy_helper.to_array(tensor).tobytes() for tensor in tensors if np.prod(tensor.dims) > 100]
    # 52 + 9 kernels with a bias each of which the smallest have 16 to 96 numbers, and the matrix of the classifier.
    assert len(large) > 61
    assert len(large) == len(set(large))
    constants = [node for graph in graphs for node in graph.node if node.op_type == "Constant"]
    assert sum(node.ByteSize() for node in constants) < 10_000


def test_the_file_is_small_enough(exported: Path) -> None:
    """All configurations together take at most 11.5 MB, little more than the weights of BBB."""
    assert (exported / "model.onnx").stat().st_size <= 11_500_000


def test_the_weights_of_the_branches_lie_inside_the_gates(model: onnx.ModelProto, network: Network) -> None:
    """Six gates, heavy and light in turn, each hold exactly the weights of their branch, and the outer graph only the others'."""
    gates = [node for node in model.graph.node if node.op_type == "If"]
    blocks = [block for block in network.blocks if isinstance(block, PTABlock)]
    assert (len(gates), len(blocks)) == (6, 3)
    held = [sum(_elements(graph) for a in gate.attribute for graph in _graphs(a.g)) for gate in gates]
    branches = [_fused(branch) for block in blocks for branch in (block.heavy, block.light)]
    # A few numbers more: the limits of ReLU6 and the half of the mean.
    assert all(branch <= inside <= branch + 16 for inside, branch in zip(held, branches, strict=True))
    plain = sum(_fused(block) for block in network.blocks if not isinstance(block, PTABlock))
    assert plain <= _elements(model.graph) <= plain + 32


def test_a_gate_that_is_not_taken_computes_nothing(model: onnx.ModelProto) -> None:
    """One side of each gate is a single Identity, so that a light configuration costs less."""
    for gate in (node for node in model.graph.node if node.op_type == "If"):
        sides = {attribute.name: attribute.g for attribute in gate.attribute}
        assert [node.op_type for node in sides["then_branch"].node] == ["Identity"]
        assert "Conv" in {node.op_type for node in sides["else_branch"].node}


def test_batch_normalisation_is_folded(model: onnx.ModelProto) -> None:
    """No such node is left, and there are as many convolutions as the network has."""
    kinds = [node.op_type for graph in _graphs(model.graph) for node in graph.node]
    assert "BatchNormalization" not in kinds
    assert kinds.count("Conv") == 52 + 9


def test_the_file_says_nothing_of_the_machine_that_made_it(exported: Path, model: onnx.ModelProto) -> None:
    """No path and no stack trace of the exporting machine is in the file."""
    words = onnx.load(exported / "model.onnx")
    for graph in _graphs(words.graph):
        for tensor in graph.initializer:
            tensor.ClearField("raw_data")  # among millions of numbers any few letters stand by chance
    data = words.SerializeToString()
    assert not [word for word in (b"site-packages", b"/tmp", b"/home", b"/work", b".py", b"Traceback") if word in data]
    nodes = [node for graph in _graphs(model.graph) for node in graph.node]
    assert len(nodes) > 100
    assert not any(node.metadata_props or node.doc_string for node in nodes)


def test_names_are_unique_over_all_graphs(model: onnx.ModelProto) -> None:
    """Inner graphs see outer names, so that no value may be called as another."""
    graphs = list(_graphs(model.graph))
    outputs = [name for graph in graphs for node in graph.node for name in node.output]
    outputs += [tensor.name for graph in graphs for tensor in graph.initializer]
    assert len(outputs) == len(set(outputs))


def test_in_half_precision_the_file_is_half_as_large_and_computes_the_same(model: onnx.ModelProto, network: Network) -> None:
    """Every large tensor is float16, small ones stay as they are, inputs and outputs too, and no logit of the 27 configurations moves by more than 0.03."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    assert 0.5 < halved(half).ByteSize() / model.ByteSize() < 0.52
    tensors = [tensor for graph in _graphs(half.graph) for tensor in graph.initializer]
    large = [np.prod(tensor.dims) >= 4096 for tensor in tensors]
    stored = [tensor.data_type for tensor in tensors]
    assert {data_type for data_type, is_large in zip(stored, large, strict=True) if is_large} == {TensorProto.FLOAT16}
    assert TensorProto.FLOAT16 not in {data_type for data_type, is_large in zip(stored, large, strict=True) if not is_large}
    assert (half.graph.input, half.graph.output) == (model.graph.input, model.graph.output)
    session = onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = _pixels(3)
    differences = [np.abs(_run(session, pixels, [CODES[c] for c in text]) - _by_torch(network, pixels, text)) for text in ALL]
    assert 0 < np.max(differences) <= tolerance("onnx-fp16") == 0.03


def test_half_precision_moves_no_logit_of_the_shipped_model_by_a_hundredth(artifact: Path) -> None:
    """Its first kernels, some of whose channels are scaled by hundreds, are kept whole; halved, they alone move a logit by 0.03."""
    model, half = onnx.load(artifact / "model.onnx"), onnx.load(artifact / "model.onnx")
    sessions = [onnxruntime.InferenceSession(one.SerializeToString()) for one in (model, halved(half))]
    pixels = _pixels(3, 128)
    for text in ("HHH", "LLL", "BBB"):
        whole, rounded = (_run(session, pixels, [CODES[branch] for branch in text]) for session in sessions)
        assert 0 < np.abs(whole - rounded).max() < 0.01


def test_a_plain_network_has_no_input_for_the_configuration() -> None:
    """Without adaptive blocks the file takes a picture alone, and agrees as well; exporting leaves the network as it was."""
    torch.manual_seed(0)
    network = mobilenet_v2(()).eval()
    nn.init.normal_(network.blocks[-1][-1].weight, std=0.05)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    plain = to_onnx(network, Preprocessing(size=64))
    assert "If" not in {node.op_type for node in plain.graph.node}
    session = onnxruntime.InferenceSession(plain.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["image"]
    got = session.run(["logits"], {"image": _pixels(3)})[0]
    np.testing.assert_allclose(got, _by_torch(network, _pixels(3), ""), rtol=0, atol=1e-4)
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(layer.inplace for layer in network.modules() if isinstance(layer, nn.ReLU6))
