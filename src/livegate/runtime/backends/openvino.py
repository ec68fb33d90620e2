"""OpenVINO, from the ONNX file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.runtime import cache
from livegate.runtime.backends.base import Model, Options

DEVICE = "CPU"
FP32 = "f32"
"""Left to itself OpenVINO takes bf16 where the processor can, which moves the logits."""

log = logging.getLogger(__name__)


class OpenVinoBackend:
    """An ONNX model on the CPU.

    Behind some gates, such as after stage 2 of a MobileNet, OpenVINO 2026.4 reads memory that nobody has written: logits of 1e30 from the first
    run of a configuration and of a larger batch, right ones from the second on. So the first is not believed, and the batch is one picture.

    Args:
        model: one file.
        options: threads, and whether the compiled form may be cached. Where it cannot be kept a warning is logged that says why.

    Raises:
        MissingExtraError: if OpenVINO is not installed.
        ArtifactError: if it cannot load the model.
    """

    def __init__(self, model: Model, options: Options = Options()) -> None:  # noqa: B008 - frozen
        core, data, settings = new_core(), model.only(), settings_for(options)
        compiled = _from_cache(core, data, settings) if options.cache else None
        with loading("ONNX model"):
            compiled = compiled or core.compile_model(_of_one(core, data), DEVICE, settings)
        self._request = compiled.create_infer_request()
        self._begun = set[Configuration]()

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, D) float32, one picture after the other, see `Backend`."""
        feed = {"configuration": np.array(configuration.codes, dtype=np.int64)} if len(configuration) else {}
        if configuration not in self._begun:
            self._request.infer({**feed, "image": images[:1]})
            self._begun.add(configuration)
        # Copies: the next call writes into the same memory.
        return np.concatenate([self._request.infer({**feed, "image": image[np.newaxis]})[0].copy() for image in images])


def new_core() -> Any:  # noqa: ANN401 - OpenVINO's own type
    """What reads and compiles models.

    Raises:
        MissingExtraError: if OpenVINO is not installed.
    """
    try:
        import openvino
    except ImportError:
        raise MissingExtraError("OpenVINO", "openvino") from None
    return openvino.Core()


def settings_for(options: Options) -> dict[str, Any]:
    """How a model is compiled."""
    return {
        "INFERENCE_PRECISION_HINT": FP32,
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }


@contextmanager
def loading(what: str) -> Iterator[None]:
    """Tell in one line why OpenVINO cannot load a model.

    Raises:
        ArtifactError: if it cannot.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the runtime's exceptions share no base but Exception
        raise ArtifactError(what, [f"OpenVINO cannot load it ({' '.join(str(error).split())})"]) from None


def _of_one(core: Any, data: bytes) -> Any:  # noqa: ANN401 - OpenVINO's own type
    """The model for one picture at a time."""
    network = core.read_model(data)
    shape = network.input("image").get_partial_shape()
    shape[0] = 1
    network.reshape({"image": shape})
    return network


def _from_cache(core: Any, data: bytes, settings: dict[str, Any]) -> Any | None:  # noqa: ANN401 - OpenVINO's own types
    """The model as this OpenVINO compiled it for this machine, compiled now if it is not in the cache; None where that fails."""
    try:
        import openvino

        name = cache.key("openvino", openvino.__version__, "one picture", repr(sorted(settings.items())), data)
        compiled = cache.get(name)
        if compiled is None:
            compiled = core.compile_model(_of_one(core, data), DEVICE, settings).export_model().getvalue()
            cache.put(name, compiled)
        return core.import_model(compiled, DEVICE, settings)
    except Exception as error:  # noqa: BLE001 - whatever keeps the compiled form from being kept, the model itself runs
        log.warning("OpenVINO compiles the model anew: %s", error)
        return None
