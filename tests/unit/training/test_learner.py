"""What training adds to a network: heads of other tasks, and features that are muted."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from livegate.configuration import Branch, Configuration
from livegate.models.mobilenet_v2 import Classifier
from livegate.models.network import Network
from livegate.models.registry import BACKBONES, ModelSpec
from livegate.pta import PTABlock
from livegate.training.learner import Learner, challenged
from livegate.training.loader import Batch
from livegate.training.losses import step_loss
from livegate.training.mixing import mixed
from livegate.training.recipe import Challenge, Recipe

LABELS = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 0])


def recipe(**tables: object) -> Recipe:
    """A recipe of the small network, and these tables."""
    plain = {"name": "small", "model": {"name": "mobilenet-v3-small", "adaptive_stages": [], "dropout": 0.0}}
    return Recipe.from_plain(plain | {"sampling": {"configurations": {"": 1.0}}} | tables, "small")


@pytest.mark.parametrize("share", [0.25, 1 / 3, 0.5])
def test_the_features_that_speak_most_for_the_label_are_muted(share: float) -> None:
    """A linear head, so that the gradient of the target logit is the row of its weights: all by numpy, in every picture."""
    torch.manual_seed(0)
    head = Classifier(12, 2, 0.0)
    embedding = torch.randn(9, 12, requires_grad=True)
    got = challenged(head.classified(embedding), embedding, LABELS, head, Challenge(features=share, pictures=1.0))
    weight, bias = head[-1].weight.detach().numpy(), head[-1].bias.detach().numpy()
    for picture, label in enumerate(LABELS.tolist()):
        kept = weight[label] < np.quantile(weight[label], 1 - share)
        features = embedding[picture].detach().numpy() * kept / (1 - share)
        assert got[picture].detach().numpy() == pytest.approx(weight @ features + bias, abs=1e-5)
        assert (~kept).sum() == round(12 * share)


def test_the_features_are_muted_in_a_share_of_the_pictures() -> None:
    """A third of nine are three, others from draw to draw; the rest keep every bit."""
    torch.manual_seed(0)
    head, embedding = Classifier(12, 2, 0.0), torch.randn(9, 12, requires_grad=True)
    logits = head.classified(embedding)
    changed = []
    for seed in range(8):
        torch.manual_seed(seed)
        got = challenged(logits, embedding, LABELS, head, Challenge(features=0.333, pictures=0.333))
        changed.append(tuple((got != logits).any(1).nonzero().flatten().tolist()))
    assert {len(places) for places in changed} == {3}
    assert len(set(changed)) > 4


def test_the_other_heads_keep_the_ordinary_features() -> None:
    """Only the logits of bona fide against attack differ when features are challenged."""
    torch.manual_seed(0)
    tasks = {"species": 0.1, "illumination": 0.1, "attributes": 1.0}
    plain, muting = recipe(tasks=tasks), recipe(tasks=tasks, challenge={"features": 0.333, "pictures": 1.0})
    network = plain.model.build()
    one, other = Learner(network, plain), Learner(network, muting)
    other.load_state_dict(one.state_dict())
    x, outputs = torch.randn(9, 3, 32, 32), []
    for learner in (one, other):
        torch.manual_seed(1)
        outputs.append(learner(x, "", LABELS))
    assert not torch.equal(outputs[0].logits, outputs[1].logits)
    assert outputs[0].tasks.keys() == outputs[1].tasks.keys() == set(tasks)
    assert [output.shape[1] for output in outputs[0].tasks.values()] == [11, 5, 40]
    for name, logits in outputs[0].tasks.items():
        assert torch.equal(logits, outputs[1].tasks[name])


@pytest.mark.parametrize("name", [name for name, backbone in BACKBONES.items() if backbone.task == "liveness"])
def test_a_learner_computes_what_its_network_computes(name: str) -> None:
    """Bit for bit: the embedding on the way changes nothing."""
    torch.manual_seed(0)
    network = ModelSpec(name, (3,)).build().eval()
    learner, x = Learner(network).eval(), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(learner(x, "L", LABELS[:2]).logits, network(x, Configuration.parse("L")))
    assert learner.state_dict().keys() == {f"network.{key}" for key in network.state_dict()}


def test_a_network_without_a_pooled_head_is_refused() -> None:
    """There is no embedding for the other heads."""
    learner = Learner(Network([nn.Flatten(), nn.Linear(12, 2)]))
    with pytest.raises(TypeError, match="last block of the network must be a PooledHead, got Linear"):
        learner(torch.zeros(1, 3, 2, 2), "", LABELS[:1])


@pytest.mark.parametrize(
    ("configuration", "heavy", "mix"), [("HHH", 3, "none"), ("LHH", 2, "none"), ("LLL", 0, "none"), ("HHH", 3, "mixup")]
)
def test_light_branches_learn_from_the_heavy_ones_that_were_drawn(
    make_recipe: Callable[..., Recipe], configuration: str, heavy: int, mix: str
) -> None:
    """What a light branch misses is by hand; it alone learns from it; the label teaches the others as without it. On mixed pictures too."""
    tables = {"model": {"dropout": 0.0}, "mix": {"style": 0.0, "name": mix, "probability": 1.0}}
    plain, distilled = make_recipe(**tables), make_recipe(**tables, branches={"distilled": 0.5})
    torch.manual_seed(0)
    network = plain.model.build()
    batch = Batch(torch.randn(9, 3, 32, 32), LABELS, torch.zeros(9, 42, dtype=torch.int64))
    found = []
    for settings in (plain, distilled):
        learner = Learner(deepcopy(network), settings).train()
        torch.manual_seed(1)
        loss = step_loss(learner, batch.pictures, batch, Configuration.parse(configuration), settings, np.random.default_rng(1))
        loss.backward()
        found.append((loss.item(), {name: parameter.grad for name, parameter in learner.network.named_parameters()}))
    x, missed = mixed(batch.pictures, plain.mix, np.random.default_rng(1)).pictures, 0.0
    branches = iter(Configuration.parse(configuration))
    with torch.no_grad():
        for block in list(network.train().blocks)[:-1]:
            if not isinstance(block, PTABlock):
                x = block(x)
                continue
            branch = next(branches)
            heavy_says, light_says = block.heavy(x), block.light(x)
            if branch is Branch.HEAVY:
                missed += float(((light_says - heavy_says) ** 2).mean() / heavy_says.var())
            x = heavy_says if branch is Branch.HEAVY else light_says
    (label_alone, without), (with_both, together) = found
    assert with_both == pytest.approx(label_alone + 0.5 * missed, rel=1e-4)
    assert (missed > 0.1) is (heavy > 0)
    taught = [name for name in together if together[name] is not None and without[name] is None]
    assert len({name.split(".light.")[0] for name in taught}) == heavy
    assert all(".light." in name and together[name].abs().sum() > 0 for name in taught)
    others = [name for name in together if name not in taught and together[name] is not None]
    assert all(torch.allclose(together[name], without[name], rtol=1e-4, atol=1e-7) for name in others)
