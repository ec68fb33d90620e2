"""INT8 for ExecuTorch (XNNPACK): one program that holds a method for each configuration, as `livegate.export.int8` describes it.

As for ONNX, the tools are given a network without gates: both branches of every block are computed, and switches pick one while pictures
run through the configurations. It is quantised once. A method is that with its switches set for good and whatever nobody reads any more
taken out, so that all methods have the same weights, biases and scales, bit for bit, and the program stores them once.

- Activations are int8, weights int8 with a scale for each output channel: what the integer kernels of XNNPACK take.
- What leaves a block has one scale, whichever branch computed it, so that the next block reads it as it is.
- The first convolution stays in fp32, as do the mean over the picture and the classifier; the reasons are those of the ONNX file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import (
    QuantizationAnnotation,
    QuantizationSpec,
    QuantizationSpecBase,
    Quantizer,
    SharedQuantizationSpec,
)

from livegate.configuration import Branch, Configuration
from livegate.export.int8 import dealt
from livegate.export.onnx import segments
from livegate.export.plain import quiet
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.models.normalisation import Normalisation
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock
from livegate.runtime.entry import NamedEntry

FILE = "model.int8.pte"
CONVOLUTION, ACTIVATION = torch.ops.aten.conv2d.default, torch.ops.aten.hardtanh.default
SUM, PRODUCT, WHERE = torch.ops.aten.add.Tensor, torch.ops.aten.mul.Tensor, torch.ops.aten.where.self
SMALLEST_SCALE = 2.0**-16
"""Of a weight: in a channel without weights a bias must still be a number of such steps that 32 bits can hold."""
VALUES = QuantizationSpec(torch.int8, MinMaxObserver, -128, 127, torch.per_tensor_affine)
WEIGHTS = QuantizationSpec(
    torch.int8,
    PerChannelMinMaxObserver.with_args(eps=SMALLEST_SCALE),
    -127,
    127,
    torch.per_channel_symmetric,
    ch_axis=0,
)


def write(
    network: Network,
    preprocessing: Preprocessing,
    configurations: Sequence[Configuration],
    folder: Path,
    pictures: NDArray[np.float32],
) -> Written:
    """Write ``model.int8.pte``.

    Args:
        network: in evaluation mode; it is left as it is.
        preprocessing: its size, mean and std.
        configurations: those that the file holds, and that the pictures run through in turn.
        folder: where to.
        pictures: (N, 3, size, size) float32, RGB, 0..255, of the kind that the network will see.

    Raises:
        LivegateError: if there is no picture or no configuration.
    """
    names = {str(configuration): str(configuration) or "forward" for configuration in configurations}
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        image = torch.zeros(1, 3, preprocessing.size, preprocessing.size)
        quantised = _quantised(_Switched(network, preprocessing), configurations, pictures)
        programs = {
            names[str(configuration)]: torch.export.export(_with_switches_set(quantised, configuration), (image,))
            for configuration in configurations
        }
        lowered = to_edge_transform_and_lower(programs, partitioner=[XnnpackPartitioner()])
        (folder / FILE).write_bytes(lowered.to_executorch().buffer)
    return Written((FILE,), NamedEntry(kind="method", names=names), ("executorch", "torch", "torchao"))


class _Switched(nn.Module):
    """The network, with its configuration in two rows of switches; raw pixels in, batch normalisation folded.

    Args:
        network: it is left as it is.
        preprocessing: what its pixels go through.
    """

    share: Tensor
    heavy: Tensor
    light: Tensor

    def __init__(self, network: Network, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.parts = nn.ModuleList(segments(network))
        for layer in self.modules():
            if isinstance(layer, nn.ReLU6):
                layer.inplace = False  # the tools look for activations that do not write into their input
        self.normalisation = Normalisation(preprocessing)
        self.register_buffer("share", torch.tensor([0.5]))
        for name in ("heavy", "light"):
            self.register_buffer(name, torch.zeros(network.adaptive_blocks, dtype=torch.bool))
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, 2) logits."""
        x: Tensor = self.normalisation(image)
        position = 0
        for part in self.parts:
            if not isinstance(part, PTABlock):
                x = part(x)
                continue
            heavy, light = part.heavy(x), part.light(x)
            either = torch.where(self.light[position], light, (heavy + light) * self.share)
            x = torch.where(self.heavy[position], heavy, either)
            position += 1
        return x


def _quantised(network: _Switched, configurations: Sequence[Configuration], pictures: NDArray[np.float32]) -> GraphModule:
    """The network in integers, its switches still open; one picture at a time."""
    hands = list(dealt(pictures, configurations))
    image = torch.from_numpy(hands[0][1][:1])
    observed = prepare_pt2e(torch.export.export(network, (image,)).module(), _Quantizer())
    with torch.inference_mode():
        for configuration, hand in hands:
            for branch, switches in ((Branch.HEAVY, observed.heavy), (Branch.LIGHT, observed.light)):
                switches.copy_(torch.tensor([chosen is branch for chosen in configuration], dtype=torch.bool))
            for picture in hand:
                observed(torch.from_numpy(picture[np.newaxis]))
    converted: GraphModule = convert_pt2e(observed)
    return converted


class _Quantizer(Quantizer):  # type: ignore[misc] # its package has no types
    """Says what is an integer: what goes into and comes out of convolutions, sums and means, but for the first convolution.

    ExecuTorch's own quantizer does not see that ReLU6 belongs to the convolution before it: part of the range then goes to what ReLU6
    takes away, and XNNPACK computes it as a step of its own.
    """

    def annotate(self, model: GraphModule) -> GraphModule:
        """Note at each node how its inputs and its output become integers."""
        for node in [node for node in model.graph.nodes if node.target is CONVOLUTION][1:]:
            x, weight = node.all_input_nodes[:2]
            following = next(iter(node.users))
            activated = following.target is ACTIVATION
            _note(node, {x: VALUES, weight: WEIGHTS}, None if activated else VALUES)
            if activated:
                _note(following, {}, VALUES)
        for node in model.graph.nodes:
            if node.target in {SUM, PRODUCT}:
                _note(node, dict.fromkeys(node.all_input_nodes, VALUES), VALUES)
        for node in _choices(model):
            _, one, other = node.all_input_nodes
            shared = SharedQuantizationSpec(one)
            _note(node, {one: shared, other: shared}, shared)
        return model

    def validate(self, model: GraphModule) -> None:
        """Nothing can be wrong with what `_Switched` holds."""


def _note(node: Node, inputs: Mapping[Node, QuantizationSpecBase], output: QuantizationSpecBase | None = None) -> None:
    node.meta["quantization_annotation"] = QuantizationAnnotation(dict(inputs), output, _annotated=True)


def _choices(model: GraphModule) -> list[Node]:
    """The nodes that pick a branch, two for each block: the inner one between L and B, the outer one between H and that."""
    return [node for node in model.graph.nodes if node.target is WHERE]


def _with_switches_set(quantised: GraphModule, configuration: Configuration) -> GraphModule:
    """A copy with the branches of one configuration and nothing else, so that nothing else comes into the program."""
    model = deepcopy(quantised)
    choices = _choices(model)
    for branch, inner, outer in zip(configuration, choices[::2], choices[1::2], strict=True):
        (_, light, mean), (_, heavy, _) = inner.all_input_nodes, outer.all_input_nodes
        widened = {Branch.HEAVY: heavy, Branch.LIGHT: light, Branch.BOTH: mean}[branch]
        (narrowed,) = outer.users
        narrowed.replace_all_uses_with(widened.all_input_nodes[0])  # which has the same scale
    model.graph.eliminate_dead_code()
    read = {node.target for node in model.graph.nodes if node.op == "get_attr"}
    held = {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
    for path in held - read:
        owner, _, name = path.rpartition(".")
        delattr(model.get_submodule(owner), name)
    model.recompile()
    return model
