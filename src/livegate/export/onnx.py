"""One ONNX file that holds every configuration, each weight once.

Inputs: ``image`` float32 (N, 3, size, size), RGB, 0..255; with adaptive blocks also ``configuration`` int64 (blocks,): 0 heavy, 1 light,
2 both. Output: ``logits`` float32 (N, 2): 0 bona fide, 1 attack.

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
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from livegate.configuration import Branch
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock

OPSET = 18
IMAGE, CONFIGURATION, LOGITS = "image", "configuration", "logits"


def to_onnx(network: Network, preprocessing: Preprocessing) -> ModelProto:
    """The switchable ONNX model of a network, normalisation inside.

    Args:
        network: a chain of blocks, in evaluation mode; it is left as it is.
        preprocessing: its size, mean and std.
    """
    composer = _Composer()
    x = torch.zeros(1, 3, preprocessing.size, preprocessing.size)
    value = composer.normalised(preprocessing)
    position = 0
    for block in _segments(network):
        name = f"block{len(composer.nodes)}"
        if isinstance(block, PTABlock):
            value = composer.gates(block, x, value, name, position)
            position += 1
            x = block(x, Branch.LIGHT)
        else:
            value = composer.plain(block, x, value, name)
            x = block(x)
    return composer.model(value, preprocessing.size, position)


class _Composer:
    """Collects the nodes of the outer graph."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def constant(self, name: str, array: np.typing.NDArray[np.generic]) -> str:
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:  # noqa: ANN401 - whatever ONNX takes
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def normalised(self, preprocessing: Preprocessing) -> str:
        mean, inverse = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
        centred = self.node("Sub", [IMAGE, self.constant("mean", mean)], "centred")
        return self.node("Div", [centred, self.constant("std", inverse)], "normalised")

    def plain(self, block: nn.Module, x: torch.Tensor, value: str, name: str) -> str:
        part = _graph(block, x, value, name)
        self.nodes += part.node
        self.initializers += part.initializer
        return str(part.output[0].name)

    def gates(self, block: PTABlock, x: torch.Tensor, value: str, name: str, position: int) -> str:
        """Two gates that compute what the code at that position of the configuration asks for."""
        code = self.node("Gather", [CONFIGURATION, self.constant(f"{name}.position", np.array(position))], f"{name}.code")
        is_heavy, is_light = (
            self.node(
                "Equal", [code, self.constant(f"{name}.{branch.name}", np.array(branch.code))], f"{name}.is_{branch.name}"
            )
            for branch in (Branch.HEAVY, Branch.LIGHT)
        )
        heavy_part = _graph(block.heavy, x, value, f"{name}.H")
        heavy = self._gate(is_light, _passing(value, f"{name}.H.skipped"), heavy_part, f"{name}.H.out")
        light_part = _graph(block.light, x, value, f"{name}.L")
        _append_mean(light_part, heavy, is_light, f"{name}.L")
        return self._gate(is_heavy, _passing(heavy, f"{name}.L.skipped"), light_part, f"{name}.out")

    def _gate(self, condition: str, then: GraphProto, other: GraphProto, output: str) -> str:
        return self.node("If", [condition], output, then_branch=then, else_branch=other)

    def model(self, value: str, size: int, adaptive_blocks: int) -> ModelProto:
        self.node("Identity", [value], LOGITS)
        inputs = [helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, ["N", 3, size, size])]
        if adaptive_blocks:
            inputs.append(helper.make_tensor_value_info(CONFIGURATION, TensorProto.INT64, [adaptive_blocks]))
        outputs = [helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["N", 2])]
        graph = helper.make_graph(self.nodes, "livegate", inputs, outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="livegate")
        model.ir_version = 9
        onnx.checker.check_model(model, full_check=True)
        return model


def fused(module: nn.Module) -> nn.Module:
    """The module with each batch normalisation folded into the convolution before it; changes it in place."""
    for child in module.children():
        fused(child)
    if isinstance(module, nn.Sequential):
        layers = list(module)
        for place, (layer, following) in enumerate(pairwise(layers)):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                module[place], module[place + 1] = fuse_conv_bn_eval(layer, following), nn.Identity()
    return module


def _segments(network: Network) -> Iterable[nn.Module]:
    """The chain with neighbouring plain blocks joined, batch normalisation folded; copies, so that the network stays as it is."""
    plain: list[nn.Module] = []
    for block in deepcopy(network).eval().blocks:
        if not isinstance(block, PTABlock):
            plain.append(block)
            continue
        if plain:
            yield fused(nn.Sequential(*plain))
        plain = []
        yield fused(block)
    if plain:
        yield fused(nn.Sequential(*plain))


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
        if isinstance(layer, nn.ReLU6):
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
    graph = program.model_proto.graph
    renamed = {graph.input[0].name: value}
    for node in graph.node:
        _strip(node)
        node.name = f"{prefix}.{node.name}"
        for names in (node.input, node.output):
            for place, old in enumerate(names):
                if old:
                    names[place] = renamed.setdefault(old, f"{prefix}.{old}")
    for tensor in graph.initializer:
        _strip(tensor)
        tensor.name = renamed.setdefault(tensor.name, f"{prefix}.{tensor.name}")
    output = _untyped(renamed[graph.output[0].name])
    return helper.make_graph(list(graph.node), prefix, [], [output], list(graph.initializer))


def _strip(part: NodeProto | TensorProto) -> None:
    """Drop what the exporter noted of itself: stack traces, with the paths of this machine in them."""
    part.ClearField("metadata_props")
    part.ClearField("doc_string")


def _append_mean(graph: GraphProto, heavy: str, is_light: str, prefix: str) -> None:
    """Let the graph of the light branch end with its own output, or the mean of it and the heavy one."""
    light = graph.output[0].name
    alone = _passing(light, f"{prefix}.alone")
    half = numpy_helper.from_array(np.array(0.5, np.float32), f"{prefix}.half")
    add = helper.make_node("Add", [heavy, light], [f"{prefix}.sum"], name=f"{prefix}.sum")
    mean = helper.make_node("Mul", [f"{prefix}.sum", half.name], [f"{prefix}.mean"], name=f"{prefix}.mean")
    both = helper.make_graph([add, mean], f"{prefix}.both", [], [_untyped(f"{prefix}.mean")], [half])
    chosen = f"{prefix}.chosen"
    graph.node.append(helper.make_node("If", [is_light], [chosen], name=chosen, then_branch=alone, else_branch=both))
    del graph.output[:]
    graph.output.append(_untyped(chosen))


def _passing(value: str, output: str) -> GraphProto:
    """A graph that hands on a value from outside."""
    return helper.make_graph([helper.make_node("Identity", [value], [output], name=output)], output, [], [_untyped(output)])


def _untyped(name: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


@contextlib.contextmanager
def _quiet(logger: str) -> Iterator[None]:
    target = logging.getLogger(logger)
    level = target.level
    target.setLevel(logging.ERROR)
    try:
        yield
    finally:
        target.setLevel(level)
