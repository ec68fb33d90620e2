"""Parity finds a file that computes something else than the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from livegate.configuration import Configuration
from livegate.errors import ParityError
from livegate.export.onnx import entry
from livegate.export.parity import TOLERANCE, largest_difference, require
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.runtime.backends.base import Backend, Model
from livegate.runtime.backends.onnx import OnnxBackend

ALL = tuple(Configuration.enumerate(3))
IMAGES = (np.random.default_rng(0).random((2, 3, 64, 64)) * 255).astype(np.float32)


class Fake:
    """Answers with the same logits whatever it is asked."""

    def __init__(self, *logits: float) -> None:
        self.rows = logits

    def run(self, images: np.ndarray, configuration: Configuration) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """The same row for each picture."""
        return np.tile(np.array(self.rows, np.float32), (len(images), 1))


def _difference(network: Network, model: onnx.ModelProto, configurations: Sequence[Configuration]) -> float:
    expected = logits(TorchScorer(network, Preprocessing(size=64)), configurations)
    return largest_difference(expected, backend(model), IMAGES)


def backend(model: onnx.ModelProto) -> OnnxBackend:
    """The model in ONNX Runtime."""
    return OnnxBackend(Model({"model.onnx": model.SerializeToString()}, entry(ALL)))


def logits(network: Backend, configurations: Sequence[Configuration]) -> dict[Configuration, np.ndarray]:
    """What a network says of the pictures."""
    return {configuration: network.run(IMAGES, configuration) for configuration in configurations}


def _perturbed(model: onnx.ModelProto, gate: int) -> onnx.ModelProto:
    """A copy of the model with the largest kernel of a gate made 5 % larger."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    chosen = [node for node in copy.graph.node if node.op_type == "If"][gate]
    (body,) = [attribute.g for attribute in chosen.attribute if attribute.name == "else_branch"]
    kernel = max(body.initializer, key=lambda tensor: np.prod(tensor.dims))
    kernel.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(kernel) * 1.05).astype(np.float32), kernel.name))
    return copy


def test_the_file_as_exported_agrees(network: Network, model: onnx.ModelProto) -> None:
    """All 27 configurations are within the tolerance of 1e-4."""
    assert len(ALL) == 27
    assert TOLERANCE == 1e-4
    require(_difference(network, model, ALL), TOLERANCE, "the model")


def test_a_perturbed_branch_is_found(network: Network, model: onnx.ModelProto) -> None:
    """One kernel of the second light branch 5 % off fails the check over all configurations, and only where that branch runs."""
    wrong = _perturbed(model, gate=3)
    with pytest.raises(ParityError, match=r"the model differs from the network by .* on its outputs, more than 0\.0001"):
        require(_difference(network, wrong, ALL), TOLERANCE, "the model")
    assert _difference(network, wrong, [Configuration.parse("LHL")]) <= TOLERANCE
    for text in ("HLH", "HBH"):
        assert _difference(network, wrong, [Configuration.parse(text)]) > TOLERANCE


def test_the_difference_is_the_largest_absolute_one() -> None:
    """Of 0.25 in one logit and 0.5 downwards in the other it is 0.5."""
    assert largest_difference(logits(Fake(1.0, 2.0), ALL), Fake(1.25, 1.5), IMAGES) == 0.5


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_never_agree(value: float) -> None:
    """NaN compares with nothing, and infinity minus itself is none: both are errors on either side."""
    for network, file in ((Fake(value, 0), Fake(0, 0)), (Fake(0, 0), Fake(value, 0)), (Fake(value, 0), Fake(value, 0))):
        with pytest.raises(ParityError, match="configuration 'HHH' gives outputs that are not finite"):
            largest_difference(logits(network, ALL), file, IMAGES)


def test_nothing_compared_is_no_agreement() -> None:
    """Without pictures or configurations there is no proof."""
    for images, configurations in ((IMAGES[:0], ALL), (IMAGES, ())):
        with pytest.raises(ParityError, match="at least one picture and one configuration"):
            largest_difference(logits(Fake(0, 0), configurations), Fake(0, 0), images)


def test_the_tolerance_itself_is_allowed_and_nan_is_not() -> None:
    """The bound is inclusive; a difference that is no number is no agreement."""
    require(1e-4, 1e-4, "the model")
    for difference in (1.0001e-4, float("nan")):
        with pytest.raises(ParityError, match="do not use it"):
            require(difference, 1e-4, "the model")
