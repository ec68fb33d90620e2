"""INT8 for ONNX Runtime and OpenVINO: one file that holds every configuration, as `livegate.export.int8` describes it.

The tools of ONNX Runtime do not look inside gates (``If``). They are given the same network without any: both branches are computed and
``Where`` picks. What they return is cut at the ends of the parts and put into gates, so that integers pass the gates. Convolutions and
sums stand between ``DequantizeLinear`` and ``QuantizeLinear``, which runtimes fuse into integer kernels.

- Activations are uint8, weights int8 with a scale for each output channel: what the integer kernels of x86 take.
- Weights use 7 of their 8 bits. Without VNNI, x86 multiplies in pairs and adds them in 16 bits, which overflow with 8: the logits would be
  far off there, and others on each kind of processor.
- The first convolutions stay in fp32, as do the mean over the picture and the classifier. With three channels the very first is slower in
  integers than in fp32, the narrow layers behind it have channels of very different ranges, which one scale for all does not fit, and every
  error made there goes through the whole network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference
from onnx.utils import Extractor
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, create_calibrator
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
from torch import nn

from livegate.configuration import Configuration
from livegate.export.int8 import dealt
from livegate.export.onnx import CONFIGURATION, IMAGE, Composer, compose, entry, relabelled
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock

FILE = "model.int8.onnx"
KINDS = ["Conv", "Clip", "Add"]
"""What is computed in integers."""
Feed = dict[str, NDArray[Any]]
"""The inputs of a run by name."""
FIRST = 4
"""So many convolutions stay in fp32 where no adaptive block comes earlier: in a MobileNet all until the second block is wide."""
BATCH = 16
"""So many pictures run at once while the ranges are looked for."""


def write(
    network: Network,
    preprocessing: Preprocessing,
    configurations: Sequence[Configuration],
    folder: Path,
    pictures: NDArray[np.float32],
) -> Written:
    """Write ``model.int8.onnx``; it holds every configuration, whichever are named.

    Args:
        network: in evaluation mode; it is left as it is.
        preprocessing: its size, mean and std.
        configurations: those that the pictures run through in turn.
        folder: where to.
        pictures: (N, 3, size, size) float32, RGB, 0..255, of the kind that the network will see.
    """
    (folder / FILE).write_bytes(to_int8(network, preprocessing, configurations, pictures).SerializeToString())
    return Written((FILE,), entry(configurations), ("onnx", "onnxscript", "onnxruntime"))


def write_openvino(
    network: Network,
    preprocessing: Preprocessing,
    configurations: Sequence[Configuration],
    folder: Path,
    pictures: NDArray[np.float32],
) -> Written:
    """Name ``model.int8.onnx``, which OpenVINO reads itself, written if it is not there yet."""
    if not (folder / FILE).exists():
        write(network, preprocessing, configurations, folder, pictures)
    return Written((FILE,), entry(configurations), ("openvino",))


def to_int8(
    network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], pictures: NDArray[np.float32]
) -> ModelProto:
    """The switchable ONNX model in integers; its inputs and its output are those of `livegate.export.onnx.to_onnx`.

    Raises:
        LivegateError: if there is no picture or no configuration.
    """
    without = _WithoutGates()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "without_gates.onnx"
        path.write_bytes(compose(without, network, preprocessing).SerializeToString())
        ranges = _ranges(path, pictures, configurations)
        for ends in without.tied:
            _tie(ranges, ends)
        quantised = _quantised(path, ranges, without.in_fp32)
    return compose(_InIntegers(quantised, without.ends), network, preprocessing)


class _WithoutGates(Composer):
    """Computes both branches of every block and picks; notes what is needed to put the gates in again."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[str, tuple[str, str]] = {}
        """The input and the output of each part, by its prefix."""
        self.tied: list[tuple[str, str, str]] = []
        """What must have one scale: the output of the heavy branch, of the light one, and of the block."""
        self.sums: list[str] = []
        self.pixels: list[str] = []
        """The names of the nodes of normalisation."""
        self.before: int | None = None
        """How many nodes stand before the first block; None where there is no block."""

    @property
    def in_fp32(self) -> list[str]:
        """Names of nodes that stay as they are: normalisation, the first convolutions, and the sums that exist only here."""
        convolutions = [node.name for node in self.nodes[: self.before] if node.op_type == "Conv"]
        return [*self.pixels, *convolutions[:FIRST], *self.sums]

    def normalised(self, preprocessing: Preprocessing) -> str:
        value = super().normalised(preprocessing)
        self.pixels = [node.name for node in self.nodes]
        return value

    def part(self, module: nn.Module, x: torch.Tensor, value: str, prefix: str) -> GraphProto:
        graph = super().part(module, x, value, prefix)
        self.ends[prefix] = value, graph.output[0].name
        return graph

    def gates(self, block: PTABlock, x: torch.Tensor, value: str, name: str, position: int) -> str:
        if self.before is None:
            self.before = len(self.nodes)
        is_heavy, is_light = self.conditions(name, position)
        heavy, light = self.plain(block.heavy, x, value, f"{name}.H"), self.plain(block.light, x, value, f"{name}.L")
        mean = self.mean(heavy, light, name)
        self.nodes += mean.node
        self.initializers += mean.initializer
        self.sums += [node.name for node in mean.node]
        either = self.node("Where", [is_light, light, mean.output[0].name], f"{name}.either")
        out = self.node("Where", [is_heavy, heavy, either], f"{name}.out")
        self.tied.append((heavy, light, out))
        return out


class _InIntegers(Composer):
    """Cuts its parts out of the quantised model without gates.

    Args:
        model: quantised, with the types of its values.
        ends: the input and the output of each part, by its prefix.
    """

    passes = TensorProto.UINT8

    def __init__(self, model: ModelProto, ends: Mapping[str, tuple[str, str]]) -> None:
        super().__init__()
        self._extractor = Extractor(model)
        self._quantizers = {node.input[0]: node for node in model.graph.node if node.op_type == "QuantizeLinear"}
        self._ends = ends

    def part(self, module: nn.Module, x: torch.Tensor, value: str, prefix: str) -> GraphProto:  # noqa: ARG002 - it is in the cut
        """The part from its input to its output, both in integers where the tools quantised them."""
        start, end = (self._quantizers[name].output[0] if name in self._quantizers else name for name in self._ends[prefix])
        return relabelled(self._extractor.extract_model([start], [end]).graph, value, prefix)

    def mean(self, heavy: str, light: str, prefix: str) -> GraphProto:
        """The graph of the mean of both branches, which have one scale: the sum of both at half of it."""
        _, scale, zero = self._quantizers[self._ends[prefix][1]].input
        whole, zero_point = (numpy_helper.to_array(self._extractor.initializers[name]) for name in (scale, zero))
        both = f"{prefix}.both"  # no layer is called so
        numbers = {"half": whole / np.float32(2), "scale": whole, "zero": zero_point}
        half, scale, zero = (f"{both}.{name}" for name in numbers)
        nodes = [
            *(_node("DequantizeLinear", [value, half, zero], f"{value}.halved") for value in (heavy, light)),
            _node("Add", [f"{heavy}.halved", f"{light}.halved"], f"{both}.sum"),
            _node("QuantizeLinear", [f"{both}.sum", scale, zero], f"{both}.mean"),
        ]
        tensors = [numpy_helper.from_array(number, f"{both}.{name}") for name, number in numbers.items()]
        return helper.make_graph(nodes, both, [], [self._untyped(f"{both}.mean")], tensors)


class _Reader:
    """Hands out one feed after the other, as the tools ask for them."""

    def __init__(self, feeds: Iterator[Feed]) -> None:
        self._feeds = feeds

    def get_next(self) -> Feed | None:
        """None after the last."""
        return next(self._feeds, None)


def _ranges(path: Path, pictures: NDArray[np.float32], configurations: Sequence[Configuration]) -> TensorsData:
    """The lowest and the highest value of each tensor while the pictures run through the configurations."""
    augmented = path.with_name("augmented.onnx")
    calibrator = create_calibrator(path, KINDS, augmented_model_path=str(augmented), calibrate_method=CalibrationMethod.MinMax)
    calibrator.collect_data(_Reader(_feeds(pictures, configurations)))
    return calibrator.compute_data()


def _feeds(pictures: NDArray[np.float32], configurations: Sequence[Configuration]) -> Iterator[Feed]:
    """The pictures dealt to the configurations, in small batches."""
    for configuration, hand in dealt(pictures, configurations):
        for start in range(0, len(hand), BATCH):
            feed: Feed = {IMAGE: hand[start : start + BATCH]}
            if len(configuration):
                feed[CONFIGURATION] = np.array(configuration.codes, np.int64)
            yield feed


def _tie(ranges: TensorsData, names: Sequence[str]) -> None:
    """Give tensors one range, which holds the values of all of them."""
    lowest, highest = min(ranges[name].lowest for name in names), max(ranges[name].highest for name in names)
    for name in names:
        ranges[name] = TensorData(lowest=lowest, highest=highest)


def _quantised(path: Path, ranges: TensorsData, in_fp32: list[str]) -> ModelProto:
    """The model with integer weights, and a pair of QuantizeLinear and DequantizeLinear at each activation."""
    quantizer = QDQQuantizer(
        load_model_with_shape_infer(path),
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=ranges,
        nodes_to_quantize=[],
        nodes_to_exclude=in_fp32,
        op_types_to_quantize=KINDS,
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return shape_inference.infer_shapes(quantizer.model.model)


def _node(kind: str, inputs: list[str], output: str) -> NodeProto:
    return helper.make_node(kind, inputs, [output], name=output)
