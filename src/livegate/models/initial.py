"""A network that does not start from chance but from a trained one, such as one that learned ImageNet."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from livegate.errors import CheckpointError
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.pta import PTABlock


def start_from(network: Network, trained: Checkpoint, trunk: int | None = None) -> None:
    """Give a network the weights of a trained network without adaptive blocks; of a generator of depth those of its encoder.

    The heavy branch of an adaptive block takes the two blocks that it stands for. The light branch, which replaces both, takes the
    first of them where its shapes allow it; it keeps its fresh weights where they do not, and so does a classifier of another kind, and whatever stands
    behind the blocks of a generator's encoder.

    Args:
        network: of the same backbone, with or without adaptive blocks; changed in place.
        trained: the plain network.
        trunk: so many of the network's first blocks must fit; those behind them take what fits. None for all but the last.

    Raises:
        CheckpointError: if the trained network has adaptive blocks, or is of another backbone.
    """
    plain = trained.network()
    if plain.adaptive_blocks:
        raise CheckpointError(
            "the initial weights", ["are those of an adaptive network; start from one without adaptive blocks"]
        )
    needed = len(network.blocks) - 1 if trunk is None else trunk
    own, blocks = list(network.blocks), iter(list(plain.blocks)[:-1])
    try:
        for block in own[:needed]:
            _take(block, blocks)
    except (StopIteration, RuntimeError) as end:
        if isinstance(end, RuntimeError) or trained.model.backbone.task != "depth":
            fault = f"are those of {trained.model.name!r}, whose blocks do not fit the network that is to be trained"
            raise CheckpointError("the initial weights", [fault]) from None
    for block, last in zip(reversed(own[needed:]), reversed(plain.blocks), strict=False):
        _take_if_alike(block, last)


def _take(block: nn.Module, trained: Iterator[nn.Module]) -> None:
    if not isinstance(block, PTABlock):
        block.load_state_dict(next(trained).state_dict())
        return
    first, second = next(trained), next(trained)
    block.heavy.load_state_dict(nn.Sequential(first, second).state_dict())
    _take_if_alike(block.light, first)


def _take_if_alike(block: nn.Module, trained: nn.Module) -> None:
    if _shapes(block) == _shapes(trained):
        block.load_state_dict(trained.state_dict())


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
