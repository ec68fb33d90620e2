"""The post-train adaptive block: trained once with several branches, one of them chosen at run time.

Khabarlak, "Post-Train Adaptive MobileNet for Fast Anti-Spoofing", 2022, section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from livegate.configuration import Branch


class Mean(nn.Module):
    """The element-wise mean of several branches of the same input, which keeps the scale of one branch."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H', W')."""
        outputs: list[Tensor] = [branch(x) for branch in self.branches]
        return sum(outputs[1:], outputs[0]) / len(outputs)


class PTABlock(nn.Module):
    """A block with a heavy and a light branch: the caller says which one is computed, or both.

    Args:
        branches: the module of ``Branch.HEAVY`` and of ``Branch.LIGHT``; both map (N, C_in, H, W) to the same
            (N, C_out, H', W') and share no weights.
    """

    def __init__(self, branches: Mapping[Branch, nn.Module]) -> None:
        super().__init__()
        self.heavy = branches[Branch.HEAVY]
        self.light = branches[Branch.LIGHT]

    def forward(self, x: Tensor, branch: Branch) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H', W') by the chosen branch; ``Branch.BOTH`` is the mean of both."""
        y: Tensor = self.fixed(branch)(x)
        return y

    def fixed(self, branch: Branch) -> nn.Module:
        """The chosen branch as a plain module that shares this block's weights."""
        match branch:
            case Branch.HEAVY:
                return self.heavy
            case Branch.LIGHT:
                return self.light
            case Branch.BOTH:
                return Mean(self.heavy, self.light)
