"""ONNX Runtime."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livegate.configuration import Branch, Configuration
from livegate.errors import ArtifactError, LivegateError
from livegate.runtime import cache
from livegate.runtime.backends import blocked
from livegate.runtime.backends.base import Model, Options

QUIET = 3
"""Only errors are logged: warnings about what was optimised are nothing to a user."""
FORM = "1"
"""The version of the form that is cached: another one is built anew."""
NOWHERE = str(Path(os.devnull) / "none")
TOLERANCE = 1e-4
"""How far an output of the form for this machine may be from that of the portable file."""

log = logging.getLogger(__name__)


class OnnxBackend:
    """An ONNX model on the CPU.

    Args:
        model: one file.
        options: threads, and whether the form for this machine may be cached. Where it cannot be built or kept the portable file is
            run, and a warning is logged that says why.

    Raises:
        ArtifactError: if the runtime cannot load the model.
    """

    def __init__(self, model: Model, options: Options = Options()) -> None:  # noqa: B008 - frozen
        self._session = (_for_this_machine(model.only(), options) if options.cache else None) or open_session(
            model.only(), options
        )

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, D) float32, see `Backend`."""
        return _run(self._session, images, configuration)


def _for_this_machine(data: bytes, options: Options) -> onnxruntime.InferenceSession | None:
    """A session of the form for this machine, built if it is not in the cache; None where that fails."""
    try:
        name = cache.key("onnx", FORM, onnxruntime.__version__, data)
        form = cache.get(name)
        if form is None:
            form = _built(data)
            cache.put(name, form)
        return open_session(form, options, optimise=False)
    except Exception as error:  # noqa: BLE001 - whatever keeps the faster form from being made, the portable file runs
        log.warning("ONNX Runtime runs the portable file, not the one for this machine: %s", error)
        return None


def _built(data: bytes) -> bytes:
    """The form of a portable model for this machine: optimised, its gates opened, and found to compute the same.

    Raises:
        LivegateError: if it computes something else.
    """
    options = Options()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        portable = open_session(data, options, save=path)
        form = blocked.opened(path.read_bytes())
    session = open_session(form, options, optimise=False)
    inputs = {value.name: value.shape for value in portable.get_inputs()}
    images = np.random.default_rng(0).uniform(0, 255, (1, *inputs["image"][1:])).astype(np.float32)
    (blocks,) = inputs.get("configuration", [0])
    for branch in Branch:
        configuration = Configuration.uniform(branch, blocks)
        expected, got = (_run(side, images, configuration) for side in (portable, session))
        if not np.abs(expected - got).max() <= TOLERANCE:
            raise LivegateError("it computes something else")
    return form


def open_session(
    data: bytes, options: Options, *, optimise: bool = True, save: Path | None = None
) -> onnxruntime.InferenceSession:
    """A model, loaded.

    Args:
        data: the file.
        options: threads.
        optimise: whether ONNX Runtime may change the graph.
        save: where the graph as it was changed is written.

    Raises:
        ArtifactError: if ONNX Runtime cannot load it.
    """
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = QUIET
    # Weights in files beside the model were not checked with it and are no part of what it is known by; they would be looked for in whatever folder
    # this process is in.
    settings.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    if not optimise:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if save:
        settings.optimized_model_filepath = str(save)
    try:
        return onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the runtime's exceptions share no base but Exception
        raise ArtifactError("ONNX model", [f"ONNX Runtime cannot load it ({' '.join(str(error).split())})"]) from None


def _run(session: onnxruntime.InferenceSession, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
    feed: dict[str, NDArray[Any]] = {"image": images}
    if len(configuration):
        feed["configuration"] = np.array(configuration.codes, dtype=np.int64)
    output: NDArray[Any] = session.run(None, feed)[0]
    return output
