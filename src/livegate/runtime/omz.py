"""The contract of anti-spoof-mn3 in the Open Model Zoo: what goes into its files, what comes out, and what it means.

The model is published as an ONNX file, which people convert to an OpenVINO IR with the arguments that the Model Zoo gives. Both have the
same names and shapes, and take other numbers:

============  =======================================================================
``omz-onnx``  RGB, mean subtracted and divided by scale before the file sees it
``omz-ir``    BGR, 0..255: reversal, mean and scale (in this order) are inside
============  =======================================================================

Sources: open_model_zoo/models/public/anti-spoof-mn3 (model.yml, README.md, accuracy-check.yml) and kprokofi/light-weight-face-anti-spoofing
(configs, demo).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from livegate.errors import LivegateError
from livegate.metrics.pad import Threshold
from livegate.preprocessing import Detection, Preprocessing

INPUT, OUTPUT = "actual_input_1", "output1"
PREPROCESSING = Preprocessing(
    size=128,
    shape="box",
    mean=(151.2405, 119.595, 107.8395),
    std=(63.0105, 56.457, 55.0035),
    interpolation="cubic",
    detection=Detection(widened=(1.1, 1.05)),
)
"""The crops of the reference: a given box as it is, a found one widened; stretched to the input. Mean and scale stand in R, G, B order."""
SHAPE = (1, 3, PREPROCESSING.size, PREPROCESSING.size)
THRESHOLD = Threshold(0.6, "fixed=0.6", "")
"""The reference's demo calls p(spoof) > 0.4 a spoof; a score is p(real) = 1 - p(spoof). Nobody measured it on a split dev."""
REAL, SPOOF = 0, 1
"""Which output is which; as it happens, the order of Livegate's own."""
SMALLEST = float(np.finfo(np.float32).tiny)
"""The least probability that is taken for one: a softmax in float32 rounds what is smaller to nothing, whose logarithm is no number."""
UNITY = 1e-3
"""How far two probabilities may be from adding up to 1; half precision is off by as much."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One of the two forms.

    Attributes:
        runtime: what runs it.
        suffix: of its file.
        form: what that is, for people.
        takes: what goes into it, for people.
        raw: whether it takes BGR 0..255, else RGB that is normalised.
    """

    runtime: Literal["onnx", "openvino"]
    suffix: str
    form: str
    takes: str
    raw: bool

    def feed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """What goes into the file for (N, 3, 128, 128) float32, RGB, 0..255: the same shape and type."""
        if self.raw:
            return np.ascontiguousarray(images[:, ::-1])
        mean, scale = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (PREPROCESSING.mean, PREPROCESSING.std))
        return np.asarray((images - mean) / scale, dtype=np.float32)


CONTRACTS: Mapping[str, Contract] = {
    "omz-onnx": Contract("onnx", ".onnx", "an ONNX file", "RGB with mean and scale applied", raw=False),
    "omz-ir": Contract("openvino", ".xml", "an OpenVINO IR", "BGR 0..255", raw=True),
}
PUBLISHED: Mapping[str, str] = {"c4c99af04603b62d7e44f6f4daeb33e0daeccec696008c0b1d62f6f5cebbb3262": "omz-onnx"}
"""The contract of each file that is known by its SHA-256: ``anti-spoof-mn3.onnx``, 12,270,179 bytes. A converted one differs by converter."""


def logits(probabilities: NDArray[Any], what: str) -> NDArray[np.float32]:
    """The logits whose softmax these probabilities are: their logarithms, always finite.

    Args:
        probabilities: (1, 2), 0 real, 1 spoof, as the file gave them.
        what: the file, for the message.

    Returns:
        (1, 2) float32: 0 bona fide, 1 attack.

    Raises:
        LivegateError: if they are no probabilities.
    """
    if probabilities.shape != (1, 2) or not ((probabilities >= 0).all() and abs(probabilities.sum() - 1) <= UNITY):
        raise LivegateError(f"{what} gives {OUTPUT} that are no probabilities; the contract asks for a softmax inside the file")
    return np.asarray(np.log(np.maximum(probabilities[:, [REAL, SPOOF]], SMALLEST)), dtype=np.float32)
