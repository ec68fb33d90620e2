"""A network's stages taught one by one: each gets what the teacher's stage before it gives, and learns what the teacher's own stage gives.

A deep network that starts from chance learns its last stages only once the first ones say something. Here all of them learn at once from
the first step on, each a shallow network with a dense target (block-wise distillation; Li et al. 2020, arXiv 1911.13053, use it to search for networks).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.models.backbone import Backbone
from livegate.models.network import Network
from livegate.training.chance import Stream, drawing

Values = NDArray[np.float32]


def ends(backbone: Backbone) -> list[int]:
    """How many blocks of its network come before the end of each stage, first stage first."""
    return list(accumulate((len(stage) for stage in backbone.stages), initial=1))[1:]


def outputs(
    network: Network, after: Sequence[int], x: Tensor, configuration: Configuration, given: Sequence[Tensor] = ()
) -> list[Tensor]:
    """What each stage of a network gives, and its embedding behind them.

    Args:
        network: whose stages.
        after: their `ends`.
        x: (N, 3, S, S) float, normalised.
        configuration: one branch for each adaptive block.
        given: what the stages behind the first, and the tail, get in the place of the output of the stage before; nothing for just that.
    """
    chain, found = network.chain(configuration), list[Tensor]()
    for place, (first, last) in enumerate(pairwise([0, *after, len(chain)])):
        x = given[place - 1] if place and given else x
        for step in chain[first:last]:
            x = step(x)
        found.append(x)
    return found


class Turn(NamedTuple):
    """A pointwise convolution of a stage's C channels to the D directions in which they vary most, mixed evenly, variance 1 in the mean."""

    weight: Tensor
    bias: Tensor


class InnerTeacher:
    """What an ONNX network computes on the way, in as many channels as the stages of another network have.

    Args:
        path: the network; one input (N, 3, S, S) float32, RGB, (x - 127.5) / 127.5.
        names: of its values behind each stage.

    Raises:
        ArtifactError: if the file cannot be loaded or has no such values.
        MissingExtraError: if onnx is not installed.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        try:
            import onnx
        except ImportError:
            raise MissingExtraError("learning stage by stage", "onnx") from None
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.log_severity_level = 1, 3
        try:
            model = onnx.load(path, load_external_data=False)
            model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - a damaged file raises whatever its reader stumbles over
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(path, [f"shows no values {', '.join(names)} of its stages ({reason})"]) from None
        self._path, self._names, self._turns = path, list(names), list[Turn]()

    def look(self, pictures: Iterable[Values], shapes: Sequence[Sequence[int]], seed: int) -> None:
        """Learn the directions in which its values vary most.

        Args:
            pictures: batches (N, 3, S, S) float32 RGB 0..255.
            shapes: (channels, height, width) of the other network's stages.
            seed: of how the directions are mixed, so that each channel has as much to say.

        Raises:
            ArtifactError: if a stage has fewer channels than are asked for, or another height or width.
        """
        sums = [_Sums() for _ in self._names]
        for batch in pictures:
            for name, one, values, shape in zip(self._names, sums, self._values(batch), shapes, strict=True):
                if values.ndim != len(shape) + 1 or list(values.shape[2:]) != list(shape[1:]) or values.shape[1] < shape[0]:
                    fault = f"value {name!r} has the shape {values.shape[1:]}, which cannot teach a stage of {tuple(shape)}"
                    raise ArtifactError(self._path, [fault])
                one.add(np.moveaxis(values, 1, -1).reshape(-1, values.shape[1]))
        rng = drawing(seed, Stream.TURN)
        self._turns = [one.turn(shape[0], rng) for one, shape in zip(sums, shapes, strict=True)]

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """(N, 3, S, S) float RGB 0..255 to what each stage says of them, (N, D, H, W); `look` comes first."""
        found = (torch.from_numpy(values).to(pictures.device) for values in self._values(pictures.cpu().numpy()))
        return [nn.functional.conv2d(values, *turn) for values, turn in zip(found, self._turns, strict=True)]

    def _values(self, pictures: Values) -> list[Values]:
        try:
            return list(self._session.run(self._names, {self._session.get_inputs()[0].name: pictures / 127.5 - 1}))
        except Exception as error:  # noqa: BLE001 - the runtime's exceptions share no base but Exception
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(self._path, [f"ONNX Runtime cannot run it ({reason})"]) from None


class _Sums:
    """Of rows (N, C) and of their products, batch by batch."""

    def __init__(self) -> None:
        self._rows, self._sum, self._products = 0, np.zeros(1), np.zeros((1, 1))

    def add(self, rows: Values) -> None:
        self._rows += len(rows)
        self._sum = self._sum + rows.sum(0, dtype=np.float64)
        self._products = self._products + (rows.T @ rows).astype(np.float64)

    def turn(self, directions: int, rng: np.random.Generator) -> Turn:
        mean = self._sum / self._rows
        variances, axes = np.linalg.eigh(self._products / self._rows - np.outer(mean, mean))
        kept, axes = variances[::-1][:directions], axes[:, ::-1][:, :directions]
        mixing, _ = np.linalg.qr(rng.standard_normal((directions, directions)))
        matrix = (axes @ mixing / np.sqrt(kept.mean())).T
        weight, bias = torch.from_numpy(matrix).float(), torch.from_numpy(-matrix @ mean).float()
        return Turn(weight[:, :, None, None], bias)


def misses(found: Sequence[Tensor], expected: Sequence[Tensor]) -> Tensor:
    """The sum over the stages of the mean squared difference; 1 for a stage that says nothing."""
    return torch.stack([nn.functional.mse_loss(one, other) for one, other in zip(found, expected, strict=True)]).sum()
