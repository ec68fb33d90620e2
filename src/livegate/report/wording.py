"""How numbers are written, the same way everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from livegate.report.document import Limits, RateFigure, WorstFigure
from livegate.report.names import shown

NONE = "-"
NOT_REACHED = "not reached"


def percent(share: float) -> str:
    """Such as ``9.11 %``."""
    return f"{100 * share:.2f} %"


def span(limits: Limits | None) -> str:
    """An interval, such as ``6.62 to 12.16 %``."""
    return f"{100 * limits.low:.2f} to {percent(limits.high)}" if limits else NONE


def exact(rate: RateFigure) -> str:
    """The exact interval of a rate."""
    return span(Limits(low=rate.low, high=rate.high))


def counts(rate: RateFigure) -> str:
    """Such as ``41/450``."""
    return f"{rate.errors}/{rate.trials}"


def counted(rate: RateFigure | None) -> str:
    """Such as ``41/450 = 9.11 %``."""
    return f"{counts(rate)} = {percent(rate.value)}" if rate else NONE


def quoted(name: str) -> str:
    """A name inside a sentence."""
    return f"“{shown(name)}”"


def listed(words: Sequence[str], most: int = 8) -> str:
    """Words in a row; what is more than a reader takes in is counted."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def worst_name(rate: WorstFigure) -> str:
    """The worst species, and whether others are as bad."""
    return shown(rate.species) + (f" (tie of {len(rate.tied) + 1})" if rate.tied else "")


def named(configuration: str) -> str:
    """A configuration in a table."""
    return shown(configuration) or "none"


def of(number: int, thing: str) -> str:
    """Such as ``1 person`` or ``1,326 presentations``."""
    plural = {"person": "people", "species": "species"}.get(thing, f"{thing}s")
    return f"{number:,} {thing if number == 1 else plural}"
