"""Parameters and multiply-adds, counted by running the network once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Cost:
    """What one pass of one picture costs.

    Attributes:
        parameters: trainable numbers, scale and shift of batch normalisation included.
        macs: multiply-adds of convolutions and linear layers alone, the bias of a linear layer counted as one each.
        paper_madds: the convention of Khabarlak 2022, Table 4 (that of ptflops): also 2 for each input element of a batch
            normalisation and 1 for each output element of a ReLU6.
    """

    parameters: int
    macs: int
    paper_madds: int


def count(module: nn.Module, size: int = 128) -> Cost:
    """Count one pass of a plain module on one picture of (3, size, size).

    Args:
        module: a module of one input, such as `Network.fixed` gives.
        size: height and width of the picture.
    """
    macs = extras = 0

    def hook(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        nonlocal macs, extras
        match layer:
            case nn.Conv2d():
                kernel = layer.kernel_size[0] * layer.kernel_size[1]
                macs += output.numel() * kernel * layer.in_channels // layer.groups
            case nn.Linear():
                macs += output.numel() * (layer.in_features + (layer.bias is not None))
            case nn.BatchNorm2d():
                extras += 2 * inputs[0].numel()
            case nn.ReLU6():
                extras += output.numel()

    _run_with_hook(module, hook, size)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return Cost(parameters, macs, macs + extras)


def _run_with_hook(module: nn.Module, hook: Callable[..., None], size: int) -> None:
    handles = [layer.register_forward_hook(hook) for layer in module.modules()]
    training = module.training
    try:
        with torch.inference_mode():
            module.eval()(torch.zeros(1, 3, size, size))
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
