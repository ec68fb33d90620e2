"""ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError

QUIET = 3
"""Only errors are logged: warnings about what was optimised are nothing to a user."""


class OnnxBackend:
    """An ONNX model on the CPU.

    Args:
        model: the bytes of the file.
        threads: how many threads one call uses.

    Raises:
        ArtifactError: if the runtime cannot load the model.
    """

    def __init__(self, model: bytes, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - the runtime's exceptions share no base but Exception
            raise ArtifactError("ONNX model", [f"ONNX Runtime cannot load it ({' '.join(str(error).split())})"]) from None

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, 2) float32: 0 bona fide, 1 attack."""
        feed: dict[str, NDArray[Any]] = {"image": images}
        if len(configuration):
            feed["configuration"] = np.array(configuration.codes, dtype=np.int64)
        output: NDArray[Any] = self._session.run(["logits"], feed)[0]
        return output
