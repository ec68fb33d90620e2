"""One ONNX file that holds every configuration, each weight once.

Inputs: ``image`` float32 (N, 3, size, size), RGB, 0..255; with adaptive blocks also ``configuration`` int64 (blocks,): 0 heavy, 1 light,
2 both. Output: ``logits`` float32 (N, 2): 0 bona fide, 1 attack, or with a network for verification ``embedding`` float32 (N, D).

An adaptive block becomes two gates (ONNX ``If``), one for each branch. The weights of a branch are initializers inside its gate: in the
outer graph ONNX Runtime would not bring them into the layout that its fast convolutions want.

    heavy = If(code == light) {x}     else {H(x)}
    y     = If(code == heavy) {heavy} else {light = L(x); If(code == light) {light} else {(heavy + light) / 2}}
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from livegate.configuration import Branch, Configuration
from livegate.export.written import Written
from livegate.models.embedding import Embedding
from livegate.models.network import Network
from livegate.preprocessing import LEAST_VARIANCE, Preprocessing
from livegate.pta import PTABlock
from livegate.runtime.entry import InputEntry

FILE, FILE_FP16 = "model.onnx", "model.fp16.onnx"
SMALLEST_HALVED = 4096
"""Numbers in a tensor that is stored in half precision. Biases stay as they are, for they add up, and so do the first kernels: folded normalisations scale some of
their channels by hundreds, so that they make nine tenths of the difference with 2 % of the weights."""
OPSET = 18
IMAGE, CONFIGURATION = "image", "configuration"


def to_onnx(network: Network, preprocessing: Preprocessing) -> ModelProto:
    """The switchable ONNX model of a network, normalisation inside.

    Args:
        network: a chain of blocks, in evaluation mode; it is left as it is.
        preprocessing: its size, mean and std.
    """
    return compose(Composer(), network, preprocessing)


def compose(composer: Composer, network: Network, preprocessing: Preprocessing) -> ModelProto:
    """The model of a network, its parts and gates made by a composer."""
    x = torch.zeros(1, 3, preprocessing.size, preprocessing.size)
    value = composer.normalised(preprocessing)
    position = 0
    for number, block in enumerate(segments(network)):
        name = f"block{number}"
        if isinstance(block, PTABlock):
            value = composer.gates(block, x, value, name, position)
            position += 1
            x = block(x, Branch.LIGHT)
        else:
            value = composer.plain(block, x, value, name)
            x = block(x)
    output = "embedding" if isinstance(network.blocks[-1], Embedding) else "logits"
    return composer.model(
        value, preprocessing.size, position, helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", x.shape[1]])
    )


def write(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path) -> Written:
    """Write ``model.onnx``; it holds every configuration, whichever are named."""
    (folder / FILE).write_bytes(to_onnx(network, preprocessing).SerializeToString())
    return Written((FILE,), entry(configurations), ("onnx", "onnxscript", "onnxruntime"))


def write_fp16(
    network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path
) -> Written:
    """Write ``model.fp16.onnx``: half the size, the same computation in fp32 with large kernels that were rounded to half precision."""
    (folder / FILE_FP16).write_bytes(halved(to_onnx(network, preprocessing)).SerializeToString())
    return Written((FILE_FP16,), entry(configurations), ("onnx", "onnxscript", "onnxruntime"))


def halved(model: ModelProto) -> ModelProto:
    """The model with its large kernels in half precision, each widened again by a cast that a runtime computes once, when it loads the file.

    Args:
        model: it is changed.
    """
    for graph in _graphs_of(model.graph):
        casts = []
        for tensor in graph.initializer:
            if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= SMALLEST_HALVED:
                name = tensor.name
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half"))
                casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}.widened", to=TensorProto.FLOAT))
        nodes = [*casts, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def _graphs_of(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and all that are inside it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs_of(attribute.g)


def entry(configurations: Sequence[Configuration]) -> InputEntry:
    """Each configuration as the numbers that the input ``configuration`` takes."""
    return InputEntry(values={str(configuration): configuration.codes for configuration in configurations})


class Composer:
    """Collects the nodes of the outer graph. Another precision makes its parts in its own way."""

    passes = TensorProto.FLOAT
    """The type of what goes through the gates."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def constant(self, name: str, array: np.typing.NDArray[np.generic]) -> str:
        """Add a constant; returns its name."""
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:  # noqa: ANN401 - whatever ONNX takes
        """Add a node; returns its only output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def normalised(self, preprocessing: Preprocessing) -> str:
        """The picture on the scale that the network takes."""
        mean, inverse = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
        centred = self.node("Sub", [IMAGE, self.constant("mean", mean)], "centred")
        value = self.node("Div", [centred, self.constant("std", inverse)], "normalised")
        return self.standardised(value) if preprocessing.standardised else value

    def standardised(self, value: str) -> str:
        """Each picture with a mean of 0 and a variance of 1 over all its places and channels."""
        axes = self.constant("picture.axes", np.array([1, 2, 3]))
        mean = self.node("ReduceMean", [value, axes], "picture.mean")
        centred = self.node("Sub", [value, mean], "picture.centred")
        squared = self.node("Mul", [centred, centred], "picture.squared")
        variance = self.node("ReduceMean", [squared, axes], "picture.variance")
        least = self.constant("picture.least", np.array(LEAST_VARIANCE, np.float32))
        deviation = self.node("Sqrt", [self.node("Add", [variance, least], "picture.spread")], "picture.deviation")
        return self.node("Div", [centred, deviation], "standardised")

    def part(self, module: nn.Module, x: torch.Tensor, value: str, prefix: str) -> GraphProto:
        """The graph of a plain module that reads ``value`` from outside, all its other names made unique by the prefix."""
        return _graph(module, x, value, prefix)

    def plain(self, block: nn.Module, x: torch.Tensor, value: str, name: str) -> str:
        """The nodes of a plain block; returns its output."""
        part = self.part(block, x, value, name)
        self.nodes += part.node
        self.initializers += part.initializer
        return str(part.output[0].name)

    def gates(self, block: PTABlock, x: torch.Tensor, value: str, name: str, position: int) -> str:
        """Two gates that compute what the code at that position of the configuration asks for; returns their output."""
        is_heavy, is_light = self.conditions(name, position)
        heavy_part = self.part(block.heavy, x, value, f"{name}.H")
        heavy = self._gate(is_light, self._passing(value, f"{name}.H.skipped"), heavy_part, f"{name}.H.out")
        light_part = self.part(block.light, x, value, f"{name}.L")
        self._append_choice(light_part, heavy, is_light, f"{name}.L")
        return self._gate(is_heavy, self._passing(heavy, f"{name}.L.skipped"), light_part, f"{name}.out")

    def conditions(self, name: str, position: int) -> tuple[str, str]:
        """Whether the code at that position of the configuration says heavy, and whether it says light."""
        code = self.node("Gather", [CONFIGURATION, self.constant(f"{name}.position", np.array(position))], f"{name}.code")
        is_heavy, is_light = (
            self.node(
                "Equal", [code, self.constant(f"{name}.{branch.name}", np.array(branch.code))], f"{name}.is_{branch.name}"
            )
            for branch in (Branch.HEAVY, Branch.LIGHT)
        )
        return is_heavy, is_light

    def mean(self, heavy: str, light: str, prefix: str) -> GraphProto:
        """The graph of the mean of both branches."""
        prefix = f"{prefix}.both"  # no layer is called so, while torch calls a pooling layer "mean"
        half = numpy_helper.from_array(np.array(0.5, np.float32), f"{prefix}.half")
        add = helper.make_node("Add", [heavy, light], [f"{prefix}.sum"], name=f"{prefix}.sum")
        mean = helper.make_node("Mul", [f"{prefix}.sum", half.name], [f"{prefix}.mean"], name=f"{prefix}.mean")
        return helper.make_graph([add, mean], prefix, [], [self._untyped(f"{prefix}.mean")], [half])

    def _gate(self, condition: str, then: GraphProto, other: GraphProto, output: str) -> str:
        return self.node("If", [condition], output, then_branch=then, else_branch=other)

    def _append_choice(self, graph: GraphProto, heavy: str, is_light: str, prefix: str) -> None:
        """Let the graph of the light branch end with its own output, or the mean of it and the heavy one."""
        light, chosen = graph.output[0].name, f"{prefix}.chosen"
        alone, both = self._passing(light, f"{prefix}.alone"), self.mean(heavy, light, prefix)
        graph.node.append(helper.make_node("If", [is_light], [chosen], name=chosen, then_branch=alone, else_branch=both))
        del graph.output[:]
        graph.output.append(self._untyped(chosen))

    def _passing(self, value: str, output: str) -> GraphProto:
        """A graph that hands on a value from outside."""
        return helper.make_graph(
            [helper.make_node("Identity", [value], [output], name=output)], output, [], [self._untyped(output)]
        )

    def _untyped(self, name: str) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, self.passes, None)

    def model(self, value: str, size: int, adaptive_blocks: int, output: ValueInfoProto) -> ModelProto:
        """The whole model, checked, with that value as its output."""
        self.node("Identity", [value], output.name)
        inputs = [helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["N", 3, size, size])]
        if adaptive_blocks:
            inputs.append(helper.make_tensor_value_info(CONFIGURATION, TensorProto.INT64, [adaptive_blocks]))
        graph = helper.make_graph(self.nodes, "livegate", inputs, [output], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="livegate")
        model.ir_version = 9
        onnx.checker.check_model(model, full_check=True)
        return model


def fused(module: nn.Module) -> nn.Module:
    """The module with each batch normalisation folded into the convolution or linear layer before it; changes it in place."""
    for child in module.children():
        fused(child)
    if isinstance(module, nn.Sequential):
        layers = list(module)
        for place, (layer, following) in enumerate(pairwise(layers)):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                module[place], module[place + 1] = fuse_conv_bn_eval(layer, following), nn.Identity()
            elif isinstance(layer, nn.Linear) and isinstance(following, nn.BatchNorm1d):
                module[place], module[place + 1] = fuse_linear_bn_eval(layer, following), nn.Identity()
    return module


def chains(network: Network) -> Iterator[nn.Module]:
    """The chain with neighbouring plain blocks joined."""
    plain: list[nn.Module] = []
    for block in network.blocks:
        if not isinstance(block, PTABlock):
            plain.append(block)
            continue
        if plain:
            yield nn.Sequential(*plain)
        plain = []
        yield block
    if plain:
        yield nn.Sequential(*plain)


def segments(network: Network) -> Iterable[nn.Module]:
    """The `chains` with batch normalisation folded; copies, so that the network stays as it is."""
    return map(fused, chains(deepcopy(network).eval()))


def _graph(module: nn.Module, x: torch.Tensor, value: str, prefix: str) -> GraphProto:
    """The graph of a plain module that reads ``value`` from outside, all its other names made unique by the prefix.

    Args:
        module: one's own copy: its activations no longer write into their input.
        x: an input of the module, of which only the shape counts.
        value: the name of the input.
        prefix: of all other names.
    """
    batch = torch.export.Dim("N")
    for layer in module.modules():
        if isinstance(layer, nn.ReLU | nn.ReLU6 | nn.Hardswish):
            layer.inplace = False  # the exporter takes apart whatever writes into its input, which doubles its time
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            (x.repeat(2, 1, 1, 1),),
            dynamic_shapes=({0: batch},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    graph = relabelled(program.model_proto.graph, value, prefix)
    _name_slopes(graph, module, prefix)
    return graph


def _name_slopes(graph: GraphProto, module: nn.Module, prefix: str) -> None:
    """Name the slopes of each PReLU as its layer; the exporter makes them nameless constants, equal ones but once."""
    layers = [(path, layer) for path, layer in module.named_modules() if isinstance(layer, nn.PReLU)]
    nodes = [node for node in graph.node if node.op_type == "PRelu"]
    old = {node.input[1] for node in nodes}
    for (path, layer), node in zip(layers, nodes, strict=True):
        node.input[1] = f"{prefix}.{path}.weight"
        slopes = layer.weight.detach().reshape(-1, 1, 1).numpy()
        graph.initializer.append(numpy_helper.from_array(slopes, node.input[1]))
    for tensor in [tensor for tensor in graph.initializer if tensor.name in old]:
        graph.initializer.remove(tensor)


def relabelled(graph: GraphProto, value: str, prefix: str) -> GraphProto:
    """A graph of one input as a part of another one: it reads ``value`` from outside, and all its other names begin with the prefix."""
    renamed = {graph.input[0].name: value}

    def new(name: str) -> str:
        return renamed.setdefault(name, name if name.startswith(f"{prefix}.") else f"{prefix}.{name}")

    for node in graph.node:
        _strip(node)
        node.name = new(node.name)
        for names in (node.input, node.output):
            names[:] = [name and new(name) for name in names]
    for tensor in graph.initializer:
        _strip(tensor)
        tensor.name = new(tensor.name)
    (output,) = graph.output
    untyped = helper.make_tensor_value_info(new(output.name), output.type.tensor_type.elem_type, None)
    return helper.make_graph(list(graph.node), prefix, [], [untyped], list(graph.initializer))


def _strip(part: NodeProto | TensorProto) -> None:
    """Drop what the exporter noted of itself: stack traces, with the paths of this machine in them."""
    part.ClearField("metadata_props")
    part.ClearField("doc_string")


@contextlib.contextmanager
def _quiet(logger: str) -> Iterator[None]:
    target = logging.getLogger(logger)
    level = target.level
    target.setLevel(logging.ERROR)
    try:
        yield
    finally:
        target.setLevel(level)
