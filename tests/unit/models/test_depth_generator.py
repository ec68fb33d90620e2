"""The networks of pseudo-depth: what the generator draws, what the discriminator looks at, and who takes over the encoder."""

from __future__ import annotations

import pytest
import torch

from livegate.configuration import Branch, Configuration
from livegate.errors import CheckpointError
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.depth_generator import Discriminator, features
from livegate.models.initial import start_from
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing

PLAIN = Configuration(())
GENERATOR = ModelSpec("depth-generator", ())


def _trained(spec: ModelSpec) -> Checkpoint:
    """A checkpoint whose batch-norm statistics differ from those of a fresh network."""
    torch.manual_seed(3)
    network = spec.build()
    for key, tensor in network.state_dict().items():
        if "running" in key:
            tensor.uniform_(0.5, 1.5)
    return Checkpoint(spec, Preprocessing(), as_weights(network), {}, {})


def _same(network: Network, checkpoint: Checkpoint, blocks: int) -> list[bool]:
    """For each of the first blocks whether all that it knows is the checkpoint's."""
    return [
        all(torch.equal(tensor, checkpoint.weights[f"blocks.{place}.{name}"]) for name, tensor in block.state_dict().items())
        for place, block in enumerate(list(network.blocks)[:blocks])
    ]


@pytest.mark.parametrize("side", [32, 96, 128])
def test_a_map_is_half_as_wide_as_its_picture_and_lies_between_0_and_1(side: int) -> None:
    """Whatever the size of the picture."""
    torch.manual_seed(0)
    with torch.inference_mode():
        depth = GENERATOR.build().eval()(torch.randn(2, 3, side, side) * 5, PLAIN)
    assert depth.shape == (2, 1, side // 2, side // 2)
    assert 0 <= depth.min() < depth.max() <= 1


def test_the_decoder_sees_the_last_features_of_each_size() -> None:
    """16, 24, 32 and 96 channels: what the specification calls a, b, c and d; the stem, as wide as a, is not among them."""
    network = GENERATOR.build().eval()
    found = features(list(network.blocks)[:-1], torch.randn(1, 3, 128, 128))
    assert {side: x.shape[1] for side, x in found.items()} == {64: 16, 32: 24, 16: 32, 8: 96}


def test_a_fixed_generator_draws_the_same_map() -> None:
    """Adaptive stages too, in every configuration."""
    torch.manual_seed(0)
    network, x = ModelSpec("depth-generator", (4,)).build().eval(), torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        maps = [network(x, Configuration((branch,))) for branch in Branch]
        assert all(
            torch.equal(network.fixed(Configuration((branch,)))(x), one) for branch, one in zip(Branch, maps, strict=True)
        )
    assert not torch.equal(maps[0], maps[1])


def test_the_classifier_starts_from_the_encoder() -> None:
    """All 14 blocks; its own two keep their fresh weights."""
    checkpoint = _trained(GENERATOR)
    network = ModelSpec("pseudo-depth", ()).build()
    fresh = as_weights(network)
    start_from(network, checkpoint)
    assert _same(network, checkpoint, 14) == [True] * 14
    assert len(network.blocks) == 16
    tail = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(("blocks.14.", "blocks.15."))}
    assert len(tail) == 8
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in tail.items())


def test_the_adaptive_mobilenet_starts_from_the_encoder() -> None:
    """Its first 14 blocks are the encoder's, heavy; the stages behind them stay fresh."""
    checkpoint = _trained(GENERATOR)
    network = ModelSpec("mobilenet-v2", (4, 5, 6)).build()
    fresh = as_weights(network)
    start_from(network, checkpoint)
    heavy = network.fixed(Configuration.parse("HHH"))
    taken = features(list(_flat(heavy))[:14], torch.ones(1, 3, 64, 64))
    expected = features(list(checkpoint.network().blocks)[:14], torch.ones(1, 3, 64, 64))
    assert all(torch.equal(taken[side], expected[side]) for side in expected)
    assert len(expected) == 4
    last = f"blocks.{len(network.blocks) - 1}."
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in network.state_dict().items() if name.startswith(last))


def _flat(heavy: torch.nn.Sequential) -> list[torch.nn.Module]:
    """The blocks of an all-heavy network, the two of each adaptive block one after the other, in evaluation mode."""
    pairs = [list(block) if len(list(block)) == 2 and place in {10, 12} else [block] for place, block in enumerate(heavy)]
    return [block.eval() for pair in pairs for block in pair]


def test_a_generator_starts_from_a_generator_or_from_mobilenet() -> None:
    """From one of its kind it takes the decoder as well; from MobileNetV2 the blocks that are the encoder's."""
    for spec, whole in ((GENERATOR, True), (ModelSpec("mobilenet-v2", ()), False)):
        checkpoint, network = _trained(spec), GENERATOR.build()
        decoder = as_weights(network.blocks[-1])
        start_from(network, checkpoint)
        assert _same(network, checkpoint, 14) == [True] * 14
        kept = [torch.equal(tensor, decoder[name]) for name, tensor in network.blocks[-1].state_dict().items()]
        assert all(kept) is not whole


def test_the_classifier_starts_from_mobilenet_where_only_the_trunk_must_fit() -> None:
    """Its encoder is MobileNetV2's beginning; MobileNetV2's own tail is taken by MobileNetV2 alone."""
    checkpoint = _trained(ModelSpec("mobilenet-v2", ()))
    for name in ("pseudo-depth", "mobilenet-v2"):
        spec = ModelSpec(name, ())
        network = spec.build()
        start_from(network, checkpoint, spec.backbone.trunk)
        assert _same(network, checkpoint, 14) == [True] * 14
    assert _same(network, checkpoint, len(network.blocks)) == [True] * 20
    with pytest.raises(CheckpointError, match="do not fit"):
        start_from(ModelSpec("pseudo-depth", ()).build(), checkpoint)


def test_another_backbone_does_not_take_the_encoder() -> None:
    """The shapes of its blocks are others."""
    with pytest.raises(CheckpointError, match="'depth-generator', whose blocks do not fit"):
        start_from(ModelSpec("mobilenet-v3-large", ()).build(), _trained(GENERATOR))


def test_a_generator_is_no_model_for_liveness() -> None:
    """Whoever asks for one is told so."""
    with pytest.raises(CheckpointError, match="is for depth, not for liveness"):
        _trained(GENERATOR).require("liveness", "here")
    _trained(GENERATOR).require("depth", "here")


def test_the_discriminator_looks_at_the_picture_too() -> None:
    """The same map beside another picture gets another score: a face's map is wrong for an attack."""
    torch.manual_seed(0)
    discriminator = Discriminator().eval()
    maps = torch.rand(1, 1, 64, 64).expand(2, -1, -1, -1)
    scores = discriminator(torch.randn(2, 3, 128, 128), maps)
    assert not torch.equal(scores[0], scores[1])
