"""One net for ncnn that holds every configuration: parts side by side, of which the caller runs those that it wants.

ncnn computes what the asked-for output needs and nothing else, so a net may have inputs that no call uses together. Each branch of each
adaptive block is a part with an input of its own, and so is each chain of plain blocks between them and the mean of two branches. The net
is written as ncnn reads it: ``model.ncnn.param`` (text, one layer a line) and ``model.ncnn.bin`` (the weights in that order).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from livegate.configuration import Branch, Configuration
from livegate.errors import LivegateError
from livegate.export.onnx import segments
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import LEAST_VARIANCE, Preprocessing
from livegate.pta import PTABlock
from livegate.runtime.entry import IMAGE, SegmentsEntry, Step

FILES, FILES_FP16 = (("model.ncnn.param", "model.ncnn.bin"), ("model.fp16.ncnn.param", "model.fp16.ncnn.bin"))
MAGIC = "7767517"
MARKS = {"float32": b"\0\0\0\0", "float16": 0x01306B47.to_bytes(4, "little")}
"""What stands before the weights of a layer and says how they are stored."""
SAME = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.Flatten)
"""Layers that change no number; what ncnn pools to one number a channel is flat already."""
Facts = Mapping[int, object]
"""What ncnn is told of a layer, by number."""
SIXTH, HALF = "0.166666667", "0.5"
"""h-swish is x times x / 6 + 1 / 2 within 0 and 1; ncnn reads nine digits behind the point and no more."""
ACTIVATIONS: Mapping[type[nn.Module], tuple[str, Facts, Facts]] = {
    nn.ReLU: ("ReLU", {}, {9: 1}),
    nn.ReLU6: ("Clip", {0: 0.0, 1: 6.0}, {9: 3, -23310: "2,0.0,6.0"}),
    nn.Hardswish: ("HardSwish", {0: SIXTH, 1: HALF}, {9: 6, -23310: f"2,{SIXTH},{HALF}"}),
    nn.Hardsigmoid: ("HardSigmoid", {0: SIXTH, 1: HALF}, {}),
}
"""The layer with what it takes, and what stands for it in the convolution before it, where it costs nothing."""
OPERATIONS = {operator.add: 0, operator.mul: 2, operator.truediv: 3}
"""What two values, or a value and a number, become; the weights of channels (C) go with a picture (C, H, W)."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The names of what goes into a part of the net and of what comes out."""

    inputs: tuple[str, ...]
    output: str

    def step(self, *values: str) -> Step:
        return Step(inputs=dict(zip(self.inputs, values, strict=True)), output=self.output)


Chain = Sequence[_Part | Mapping[Branch, _Part]]
"""One part for plain blocks, one for each branch of an adaptive block."""


def write(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path) -> Written:
    """Write ``model.ncnn.param`` and ``model.ncnn.bin``; they hold every configuration, whichever are named.

    Raises:
        LivegateError: if the network has a layer that cannot be written.
    """
    return _write(_Net("float32"), network, preprocessing, configurations, folder, FILES)


def write_fp16(
    network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path
) -> Written:
    """Write the same with the weights in half precision, half the size: ``model.fp16.ncnn.param`` and ``model.fp16.ncnn.bin``.

    Raises:
        LivegateError: if the network has a layer that cannot be written.
    """
    return _write(_Net("float16"), network, preprocessing, configurations, folder, FILES_FP16)


def _write(  # noqa: PLR0913 - what both writers are given, and how they differ
    net: _Net,
    network: Network,
    preprocessing: Preprocessing,
    configurations: Sequence[Configuration],
    folder: Path,
    files: tuple[str, str],
) -> Written:
    chain: list[_Part | Mapping[Branch, _Part]] = [net.normalisation("pixels", preprocessing)]
    for place, block in enumerate(segments(network)):
        name = f"part{place}"
        chain.append(net.branches(name, block) if isinstance(block, PTABlock) else net.part(name, block))
    layers, weights = (folder / name for name in files)
    layers.write_text(net.text, encoding="ascii", newline="\n")
    weights.write_bytes(b"".join(net.weights))
    entry = SegmentsEntry(steps={str(configuration): _steps(chain, configuration) for configuration in configurations})
    return Written(files, entry, ("ncnn",))


def _steps(chain: Chain, configuration: Configuration) -> tuple[Step, ...]:
    """What to run, in order, for one configuration."""
    steps: list[Step] = []
    value, branches = IMAGE, iter(configuration)
    for link in chain:
        if isinstance(link, _Part):
            steps.append(link.step(value))
        elif (branch := next(branches)) is Branch.BOTH:
            heavy, light = link[Branch.HEAVY].step(value), link[Branch.LIGHT].step(value)
            steps += [heavy, light, link[branch].step(heavy.output, light.output)]
        else:
            steps.append(link[branch].step(value))
        value = steps[-1].output
    return tuple(steps)


class _Net:
    """Collects layers and their weights.

    Args:
        stored: how kernels are stored, ``float32`` or ``float16``; biases are float32 always.

    Attributes:
        weights: what goes into the second file, piece by piece.
    """

    def __init__(self, stored: Literal["float32", "float16"]) -> None:
        self.weights: list[bytes] = []
        self._stored = stored
        self._lines: list[str] = []
        self._values = 0

    @property
    def text(self) -> str:
        """The first file: the numbers of layers and of values, then the layers."""
        return "\n".join([MAGIC, f"{len(self._lines)} {self._values}", *self._lines, ""])

    def normalisation(self, name: str, preprocessing: Preprocessing) -> _Part:
        """From pixels of 0..255 to what the network takes."""
        mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
        value = self._layer("Input", [], f"{name}.in")
        scaled = self._layer("Scale", [value], name, {0: 3, 1: 1}, [_bytes(1 / std), _bytes(-mean / std)])
        if not preprocessing.standardised:
            return _Part((value,), scaled)
        return _Part((value,), self._layer("GroupNorm", [scaled], f"{name}.own", {0: 1, 1: 3, 2: LEAST_VARIANCE, 3: 0}))

    def branches(self, name: str, block: PTABlock) -> Mapping[Branch, _Part]:
        """An adaptive block: its two branches, and the mean of what they give."""
        inputs = [self._layer("Input", [], f"{name}.B.{branch}") for branch in (Branch.HEAVY, Branch.LIGHT)]
        mean = self._layer("Eltwise", inputs, f"{name}.B", {0: 1, -23301: "2,0.5,0.5"})  # 1: a sum, with these two weights
        return {
            Branch.HEAVY: self.part(f"{name}.H", block.heavy),
            Branch.LIGHT: self.part(f"{name}.L", block.light),
            Branch.BOTH: _Part(tuple(inputs), mean),
        }

    def part(self, name: str, module: nn.Module) -> _Part:
        """A plain module, layer by layer."""
        layers = dict(module.named_modules())
        graph = _trace(module, layers)
        values: dict[fx.Node, list[str]] = {}
        for node in graph.nodes:
            inputs = [values[source].pop() for source in node.all_input_nodes]
            layer, output = layers.get(str(node.target)), f"{name}.{node.name}"
            if node.op == "placeholder":
                first = output = self._layer("Input", [], f"{name}.in")
            elif node.op == "output":
                last = inputs[0]
            elif node.target in OPERATIONS and len(inputs) > 1:
                output = self._layer("BinaryOp", inputs, output, {0: OPERATIONS[node.target]})
            elif node.target in OPERATIONS and isinstance(node.args[1], int | float):
                with_number = {0: OPERATIONS[node.target], 1: 1, 2: float(node.args[1])}
                output = self._layer("BinaryOp", inputs, output, with_number)
            elif type(layer) in ACTIVATIONS and _activated(node.all_input_nodes[0], layers):
                output = inputs[0]
            elif isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and _flat(node.all_input_nodes[0], layers):
                output = self._product(layer, inputs[0], output, _activated(node, layers))
            elif isinstance(layer, nn.Conv2d):
                output = self._convolution(layer, inputs[0], output, _activated(node, layers))
            else:
                output = self._module(layer or node.target, inputs[0], output)
            values[node] = self._copies(output, len(node.users))
        return _Part((first,), last)

    def _module(self, layer: object, value: str, output: str) -> str:
        """A layer that is no convolution; the name of what it gives."""
        match layer:
            case nn.Module() if type(layer) in ACTIVATIONS:
                kind, facts, _ = ACTIVATIONS[type(layer)]
                return self._layer(kind, [value], output, facts)
            case nn.BatchNorm1d() | nn.BatchNorm2d() if layer.affine and layer.track_running_stats:
                return self._layer("Scale", [value], output, {0: layer.num_features, 1: 1}, _scale(layer))  # 1: with a bias
            case nn.AdaptiveAvgPool2d(output_size=1):
                return self._layer("Pooling", [value], output, {0: 1, 4: 1})  # 1: the mean; 1: of the whole area
            case nn.Linear():
                return self._product(layer, value, output)
        raise _unknown(layer)

    def _product(self, layer: nn.Linear | nn.Conv2d, value: str, output: str, activated: Mapping[int, object] = {}) -> str:
        """Numbers, each from all numbers of the value, and in it the activation that follows."""
        parameters = {0: layer.weight.shape[0], 1: 1, 2: layer.weight.numel()}
        return self._layer("InnerProduct", [value], output, {**parameters, **activated}, self._weights(layer))

    def _convolution(self, layer: nn.Conv2d, value: str, output: str, activated: Facts) -> str:
        """A convolution, and in it the activation that follows."""
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            raise _unknown(layer)
        (height, width), (down, right), (top, left) = layer.kernel_size, layer.stride, layer.padding
        sizes = {0: layer.out_channels, 1: width, 11: height, 3: right, 13: down, 4: left, 14: top, 5: 1}
        spread = {2: layer.dilation[1], 12: layer.dilation[0], 6: layer.weight.numel()}
        group = {7: layer.groups} if layer.groups > 1 else {}
        kind = "ConvolutionDepthWise" if group else "Convolution"
        return self._layer(kind, [value], output, {**sizes, **spread, **group, **activated}, self._weights(layer))

    def _copies(self, value: str, number: int) -> list[str]:
        """A name for each user of a value: in ncnn a value has one."""
        if number < 2:
            return [value]
        names = [f"{value}.{place}" for place in range(number)]
        self._line("Split", [value], names)
        return names

    def _weights(self, layer: nn.Conv2d | nn.Linear) -> list[bytes]:
        """A mark, the weights, and the bias: zeros where the layer has none."""
        weight = layer.weight.detach().numpy().astype(self._stored).tobytes()
        bias = layer.bias if layer.bias is not None else layer.weight.new_zeros(layer.weight.shape[0])
        return [MARKS[self._stored], weight + bytes(-len(weight) % 4), _bytes(bias.detach().numpy())]

    def _layer(
        self, kind: str, inputs: Sequence[str], output: str, facts: Mapping[int, object] = {}, weights: Sequence[bytes] = ()
    ) -> str:
        self._line(kind, inputs, [output], facts)
        self.weights += weights
        return output

    def _line(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], facts: Mapping[int, object] = {}) -> None:
        words = [kind, outputs[0], len(inputs), len(outputs), *inputs, *outputs]
        self._lines.append(" ".join([*map(str, words), *(f"{key}={value}" for key, value in facts.items())]))
        self._values += len(outputs)


def _trace(module: nn.Module, layers: Mapping[str, nn.Module]) -> fx.Graph:
    """The module as a graph of layers and sums, without the layers that change nothing."""
    graph = fx.Tracer().trace(module)
    for node in graph.nodes:
        if isinstance(layers.get(str(node.target)), SAME):
            node.replace_all_uses_with(node.all_input_nodes[0])
            graph.erase_node(node)
    return graph


def _unknown(layer: object) -> LivegateError:
    return LivegateError(f"ncnn: {layer} cannot be written; add it to livegate.export.ncnn or export to another format")


def _flat(node: fx.Node, layers: Mapping[str, nn.Module]) -> bool:
    """Whether a value is one number a channel, which has no height and width in ncnn."""
    if isinstance(layers.get(str(node.target)), nn.AdaptiveAvgPool2d):
        return True
    return len(node.all_input_nodes) == 1 and _flat(node.all_input_nodes[0], layers)


def _activated(node: fx.Node, layers: Mapping[str, nn.Module]) -> Facts:
    """The activation that alone takes the result of a node, if that is a convolution."""
    layer, users = layers.get(str(node.target)), list(node.users)
    follows = layers.get(str(users[0].target)) if len(users) == 1 else None
    if isinstance(layer, nn.Conv2d) and follows is not None and type(follows) in ACTIVATIONS:
        return ACTIVATIONS[type(follows)][2]
    return {}


def _scale(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> list[bytes]:
    """What a batch normalisation in evaluation multiplies each channel with, and what it adds."""
    names = ("weight", "bias", "running_mean", "running_var")
    weight, bias, mean, variance = (getattr(norm, name).detach().double().numpy() for name in names)
    scale = weight / np.sqrt(variance + norm.eps)
    return [_bytes(scale), _bytes(bias - mean * scale)]


def _bytes(numbers: NDArray[np.floating]) -> bytes:
    return numbers.astype(np.float32).tobytes()
