"""Names that others wrote, made safe to read: no control characters, nothing that turns the reading direction, no endless ones."""

from __future__ import annotations

import unicodedata

LONGEST = 48
_ISOLATE, _POP = "\u2068", "\u2069"


def shown(name: str, longest: int = LONGEST) -> str:
    """A name on one line, of at most so many letters; its middle goes first, and what is invisible is written as its number."""
    if len(name) > longest:
        kept = longest // 2 - 1
        name = f"{name[:kept]} … {name[-kept:]}"
    text = "".join(_visible(letter) for letter in name)
    turned = any(unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in text)
    return f"{_ISOLATE}{text}{_POP}" if turned else text


def _visible(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind[0] == "C" or kind in {"Zl", "Zp"}:
        return f"\\u{ord(letter):04x}"
    return " " if kind == "Zs" else letter
