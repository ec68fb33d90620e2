"""The tables of a model card, from the score files of dev and test: every source, species and configuration, with counts.

    livegate score --index INDEX --split dev --all --out dev.csv
    livegate score --index INDEX --split test --all --out test.csv
    python benchmarks/quality.py dev.csv test.csv

D-EER is pooled over species and picture by picture: it ranks, it is no operating point. The rates are taken at the threshold that was
set on dev (BPCER 5 %, sources weighted equally), pictures and presentations each at their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from livegate.metrics import Rule, Scores, Threshold, measure

NAMED = ("HHH", "LHH", "HLH", "HHL", "LLL", "BBB")
DETAILED = ("HHH", "LLL", "BBB")
RULE = Rule.parse("bpcer=0.05")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description="The tables of a model card.")
    parser.add_argument("dev", type=Path)
    parser.add_argument("test", type=Path)
    arguments = parser.parse_args()
    dev, test = Scores.read(arguments.dev), Scores.read(arguments.test)

    named = [name for name in NAMED if name in test.configurations]
    print("### D-EER, picture by picture\n")
    print(overview(dev, test, named))
    detailed = [name for name in DETAILED if name in named]
    print("\n### Test, at the threshold set on dev (BPCER 5 %, sources weighted equally)\n")
    print(rates(dev, test, detailed))
    print("\n### Dev itself, where that threshold was set: too good, but it has the species that test lacks\n")
    print(rates(dev, dev, detailed[:1]))
    others = [name for name in test.configurations if name not in named]
    if others:
        print("\n### The other configurations: D-EER, picture by picture\n")
        print(overview(dev, test, others))


def overview(dev: Scores, test: Scores, names: list[str]) -> str:
    """D-EER of each configuration on all of dev and on each source of both splits."""
    columns = {"dev, all": dev} | {
        f"{scores.split[0]}, {source}": scores.where(scores.source == source)
        for scores in (dev, test)
        for source in sorted(set(scores.source.tolist()))
    }
    first = names[0]
    header = ["configuration", *(f"{title} ({counts(of(scores, first))})" for title, scores in columns.items())]
    return table([header, *([name, *(d_eer(of(scores, name)) for scores in columns.values())] for name in names)])


def rates(dev: Scores, reported: Scores, names: list[str]) -> str:
    """BPCER, and APCER of each species, of each source, by picture and by presentation."""
    lines = [["configuration", "source", "class", "pictures", "presentations"]]
    for name in names:
        units = [(of(dev, name), of(reported, name)), (of(dev, name).by_clip(), of(reported, name).by_clip())]
        found = [judged(scores, RULE.threshold(on.values, on.species, on.source, "dev")) for on, scores in units]
        lines += [[name, source, kind, *(part[source, kind] for part in found)] for source, kind in found[0]]
    return table(lines)


def judged(scores: Scores, threshold: Threshold) -> dict[tuple[str, str], str]:
    """The rate of each class of each source, in words, by (source, class)."""
    found = {}
    for source in sorted(set(scores.source.tolist())):
        part = scores.where(scores.source == source)
        report = measure(part.values, part.species, threshold)
        found[source, "bona fide: BPCER"] = str(report.bpcer)
        found |= {(source, f"{species}: APCER"): str(rate) for species, rate in report.apcer.items()}
    return found


def of(scores: Scores, configuration: str) -> Scores:
    """The rows of one configuration."""
    return scores.where(scores.configuration == configuration)


def counts(scores: Scores) -> str:
    """How many bona fide and attack pictures there are."""
    bona_fide = int(scores.bona_fide.sum())
    return f"{bona_fide} + {len(scores) - bona_fide}"


def d_eer(scores: Scores) -> str:
    """The D-EER over all species."""
    return f"{measure(scores.values, scores.species, Threshold(0.5, 'fixed=0.5', '')).d_eer:.2%}"


def table(lines: list[list[str]]) -> str:
    """A Markdown table whose first line is the header."""
    header, *rows = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *rows])


if __name__ == "__main__":
    main()
