"""The chain of blocks, and the plain networks that are taken out of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.errors import ConfigurationError
from livegate.models.mobilenet_v2 import mobilenet_v2
from livegate.models.network import Network

ALL = [str(configuration) for configuration in Configuration.enumerate(3)]


def _lively(network: Network) -> Network:
    """The same network with random statistics and a classifier that tells pictures apart."""
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.2)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> Network:
    """The paper's network with random weights and statistics, in evaluation mode."""
    torch.manual_seed(0)
    return _lively(mobilenet_v2())


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Two random pictures of 64 x 64."""
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def test_three_blocks_of_three_letters_give_twenty_seven_configurations() -> None:
    """All words of three letters over H, L and B are configurations, each once."""
    assert len(ALL) == len(set(ALL)) == 27
    assert {letter for text in ALL for letter in text} == set("HLB")


@torch.inference_mode()
@pytest.mark.parametrize("text", ALL)
def test_the_fixed_network_equals_the_adaptive_one_bit_for_bit(network: Network, pictures: Tensor, text: str) -> None:
    """In eager evaluation mode a fixed network is the same computation."""
    configuration = Configuration.parse(text)
    assert torch.equal(network.fixed(configuration)(pictures), network(pictures, configuration))


@torch.inference_mode()
def test_each_configuration_computes_something_of_its_own(network: Network, pictures: Tensor) -> None:
    """Each letter counts: no two of the 27 configurations give the same logits."""
    outputs = {tuple(network(pictures, Configuration.parse(text)).flatten().tolist()) for text in ALL}
    assert len(outputs) == 27


@torch.inference_mode()
def test_switching_leaves_no_trace(network: Network, pictures: Tensor) -> None:
    """The configuration is an argument, never a hidden state."""
    heavy = Configuration.parse("HHH")
    before = network(pictures, heavy)
    network(pictures, Configuration.parse("LBL"))
    assert torch.equal(network(pictures, heavy), before)


@pytest.mark.parametrize("text", ["", "H", "HH", "HHHH"])
def test_a_configuration_of_another_length_is_refused_at_the_door(network: Network, pictures: Tensor, text: str) -> None:
    """Nothing is padded, repeated or cut: the message says both lengths and what to give."""
    configuration = Configuration.parse(text)
    for call in (lambda: network(pictures, configuration), lambda: network.fixed(configuration)):
        with pytest.raises(ConfigurationError, match=rf"length {len(text)}, the network has 3; give 3 letters, such as HHH"):
            call()


def test_a_network_without_adaptive_blocks_takes_the_empty_configuration_alone(pictures: Tensor) -> None:
    """The plain network has no letters, and says so."""
    plain = mobilenet_v2(()).eval()
    assert plain.adaptive_blocks == 0
    assert plain(pictures, Configuration(())).shape == (2, 2)
    with pytest.raises(ConfigurationError, match="give none: the network has no adaptive blocks"):
        plain(pictures, Configuration.parse("H"))


def test_fixed_copies_the_weights(network: Network, pictures: Tensor) -> None:
    """Whatever is done to the fixed network leaves the adaptive one as it is."""
    configuration = Configuration.parse("HLB")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fixed = network.fixed(configuration)
    for parameter in fixed.parameters():
        parameter.data.zero_()
    fixed.train()(pictures)
    assert len(before) > 100
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not network.training


@pytest.mark.parametrize("training", [True, False])
def test_fixed_keeps_the_mode(*, training: bool) -> None:
    """A fixed network is in training or evaluation mode as its network was."""
    network = mobilenet_v2().train(training)
    assert {layer.training for layer in network.fixed(Configuration.parse("HLB")).modules()} == {training}
