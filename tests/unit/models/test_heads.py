"""Angular layers give logits like any other; they are part of the network that is kept."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from livegate.configuration import Configuration
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.heads import ANGULAR, EDGE, Cosine, SoftTriple, task_head
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing


def test_the_cosine_layer_by_hand() -> None:
    """It is s times the cosine, whatever the lengths of input and weights; no bias."""
    torch.manual_seed(0)
    layer, x = Cosine(7, 2, 16.0), torch.randn(4, 7) * 5
    with torch.no_grad():
        layer.weight *= torch.tensor([[3.0], [0.2]])
    w, v = layer.weight.detach().numpy(), x.numpy()
    cosines = v @ w.T / np.outer(np.linalg.norm(v, axis=1), np.linalg.norm(w, axis=1))
    assert layer(x).detach().numpy() == pytest.approx(16 * cosines, abs=1e-5)
    torch.testing.assert_close(layer(100 * x), layer(x))
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_a_cosine_never_reaches_one() -> None:
    """Not for the weight itself, nor for its opposite: 1 - 1e-7 is less than 1 in single precision."""
    layer = Cosine(64, 2, 1.0)
    ends = layer(torch.cat([layer.weight, -layer.weight]).detach() * 7).diagonal().abs(), layer(-layer.weight.detach())
    assert torch.tensor(EDGE).item() < 1
    assert max(end.abs().max().item() for end in ends) <= torch.tensor(EDGE).item()


@pytest.mark.parametrize("layer", [Cosine(1280, 2, 1.0), SoftTriple(1280, 2, 1.0)], ids=lambda layer: type(layer).__name__)
def test_weights_start_at_unit_length_in_all_directions(layer: Cosine | SoftTriple) -> None:
    """Drawn evenly, not normally: no number exceeds the largest of an even draw, sqrt(3 / 1280) and a little."""
    weight = layer.weight.detach()
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(len(weight)))
    assert weight.abs().max() < 1.1 * (3 / 1280) ** 0.5
    assert abs(weight.mean().item()) < 4 / weight.numel() ** 0.5 * (1 / 1280) ** 0.5


def test_soft_triple_has_ten_proxies_for_each_class() -> None:
    """2 x 10 x 1280 numbers."""
    assert SoftTriple(1280, 2, 1.0).weight.shape == (20, 1280)


def test_a_task_head_has_the_form_of_the_others() -> None:
    """Dropout, batch normalisation, h-swish, linear; its bias starts at 0."""
    head = task_head(32, 5, 0.3)
    assert [type(layer).__name__ for layer in head] == ["Dropout", "BatchNorm1d", "Hardswish", "Linear"]
    assert (head[0].p, head[-1].bias.abs().max().item()) == (0.3, 0.0)
    assert head(torch.randn(4, 32)).shape == (4, 5)


def test_there_are_two_angular_layers() -> None:
    """What follows is about both."""
    assert set(ANGULAR) == {"cosine", "soft-triple"}


@pytest.mark.parametrize("classifier", ANGULAR)
@pytest.mark.parametrize("name", ["mobilenet-v2", "mobilenet-v3-small"])
def test_a_checkpoint_keeps_the_classifier_and_its_scale(tmp_path: Path, name: str, classifier: str) -> None:
    """The network that comes back computes the same bits; its logits lie within the scale."""
    torch.manual_seed(0)
    spec = ModelSpec(name, (3,), classifier=classifier, scale=12.0)
    Checkpoint(spec, Preprocessing(size=32), as_weights(network := spec.build()), {}, {}).save(tmp_path / "a.safetensors")
    again, x = Checkpoint.load(tmp_path / "a.safetensors"), torch.randn(3, 3, 32, 32)
    assert again.model == spec
    configuration = Configuration.parse("H")
    with torch.inference_mode():
        logits = network.eval()(x, configuration)
        assert torch.equal(again.network()(x, configuration), logits)
    assert logits.abs().max() <= 12
    assert "bias" not in dict(network.blocks[-1][-1].named_parameters())


def test_another_classifier_changes_no_other_weight() -> None:
    """Under the same seed the body is the same, so that losses can be compared."""
    states = []
    for spec in (ModelSpec(), ModelSpec(classifier="cosine", scale=30.0)):
        torch.manual_seed(0)
        network = spec.build()
        states.append(network.blocks[:-1].state_dict())
    linear, cosine = states
    assert len(linear) > 300
    assert linear.keys() == cosine.keys()
    assert all(torch.equal(linear[key], cosine[key]) for key in linear)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"dropout": 5.0}, "dropout must be at least 0 and below 1, got 5.0"),
        ({"classifier": "angular"}, "unknown classifier 'angular'; classifiers are linear, cosine, soft-triple"),
        ({"scale": 30.0}, r"a linear classifier has no scale, got 30\.0; leave it at 1"),
        ({"classifier": "cosine", "scale": 0.0}, r"scale must lie above 0 and be at most 100, got 0\.0"),
        ({"classifier": "cosine", "scale": float("nan")}, "scale must lie above 0"),
        ({"classifier": "cosine", "scale": 1e6}, "at most 100"),
    ],
)
def test_a_classifier_that_makes_no_sense_is_refused(facts: dict[str, str | float], message: str) -> None:
    """With what is allowed."""
    with pytest.raises(ValueError, match=message):
        ModelSpec(**facts)  # type: ignore[arg-type]


def test_what_was_kept_before_there_was_a_choice_is_linear() -> None:
    """The header of an older checkpoint has neither field."""
    facts = asdict(ModelSpec())
    del facts["classifier"], facts["scale"]
    assert ModelSpec(**facts) == ModelSpec()
