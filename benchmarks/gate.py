"""The whole system on presentations: how many bona fide attempts it rejects, how many attacks on the enrolled it admits (IAPAR, RIAPAR).

    python benchmarks/gate.py INDEX --out attempts.csv --source replay-attack --source msu-mfsd
    python benchmarks/gate.py --attempts attempts.csv

Of each dev subject of INDEX (with landmarks) the first bona fide clip is enrolled; its other bona fide clips are mated attempts, those of the
source's other subjects zero-effort impostors, the attacks that show the subject attacks on it. Train subjects trained the liveness model
and are left out. The first command runs both networks and keeps every score; the second needs none and prints the same.

Each half of the subjects is measured at the thresholds that the other half sets, and both are put together. The row "as shipped" is at the
thresholds in the models' manifests: the liveness one was set on this split, these subjects among others, so it is no test.
Intervals: 95 %, exact for independent presentations, then percentiles over 2,000 draws of subjects.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from livegate.cli.progress import counting
from livegate.data.index import Index
from livegate.data.presentations import Presentations, presentations
from livegate.evaluation import score
from livegate.matching import attempted
from livegate.metrics import Rate, Rule, Threshold
from livegate.metrics.attempts import Attempts
from livegate.metrics.intervals import Interval
from livegate.metrics.joint import (
    Halves,
    JointIntervals,
    JointRates,
    Pair,
    halved,
    joint_intervals,
    joint_rates,
    pair_by_riapar,
    pair_by_rules,
)
from livegate.metrics.verification import Support
from livegate.runtime.engine import Engine
from livegate.sample import Split
from livegate.weights import locate

BPCER = "bpcer=0.05"
"""How the shipped liveness thresholds are set."""


def main() -> None:
    """Score if there is an index, then print the tables."""
    arguments = parsed()
    shipped: Pair | None = None
    if arguments.attempts:
        attempts = Attempts.read(arguments.attempts)
    else:
        attempts, shipped = scored(arguments)
        attempts.write(arguments.out)
    if arguments.shipped:
        live, match = (Threshold(value, "given", "") for value in arguments.shipped)
        shipped = Pair(live, match)
    print(f"## Presentations\n\n{report(attempts.by_clip(), arguments.fmr, shipped)}")
    print(f"\n## Single pictures: frames of a clip are not independent\n\n{report(attempts, arguments.fmr, shipped)}")


def parsed() -> argparse.Namespace:
    """The words of the command."""
    parser = argparse.ArgumentParser(description="FRR, FAR, IAPAR and RIAPAR of liveness and match together.")
    parser.add_argument("index", nargs="?", type=Path, help="presentations, with subjects, clips and landmarks")
    parser.add_argument("--attempts", type=Path, help="scores that were kept, instead of an index")
    parser.add_argument("--out", type=Path, default=Path("attempts.csv"), help="where scores are kept")
    parser.add_argument("--split", default=Split.DEV.value)
    parser.add_argument("--source", action="append", default=[], help="only this data set; may be given several times")
    parser.add_argument("--model", default="default", help="the liveness model")
    parser.add_argument("--configuration", help="of the liveness model")
    parser.add_argument("--verifier", default="verifier", help="the verification model")
    parser.add_argument("--reference", help="configuration that references are embedded under")
    parser.add_argument("--probe", help="configuration that probes are embedded under")
    parser.add_argument("--fmr", type=float, default=0.01, help="what the match may admit of zero-effort impostors")
    parser.add_argument(
        "--shipped", nargs=2, type=float, metavar=("LIVENESS", "MATCH"), help="thresholds of the row 'as shipped'"
    )
    arguments = parser.parse_args()
    if (arguments.index is None) == (arguments.attempts is None):
        parser.error("give an index or --attempts, one of them")
    return arguments


def scored(arguments: argparse.Namespace) -> tuple[Attempts, Pair]:
    """The attempts of an index, and the thresholds that the models ship."""
    from livegate.verifier import Verifier

    found = presentations(Index.read(arguments.index), arguments.split, arguments.source)
    told(found)
    match = arguments.shipped[1] if arguments.shipped else None
    engine, verifier = Engine(locate(arguments.model)), Verifier(arguments.verifier, threshold=match)
    chosen = engine.choose(arguments.configuration)
    reference, probe = verifier.choose(arguments.reference), verifier.choose(arguments.probe)
    index = replace(Index.read(arguments.index), samples=found.probes)
    with counting("liveness", len(found.probes)) as advance:
        scores = score(engine, index, [chosen], advance=advance)
    heard = {name: value for name, value in zip(scores.names.tolist(), scores.values.tolist(), strict=True) if value == value}  # noqa: PLR0124
    with counting("match", len(found.probes) + sum(len(one.samples) for one in found.enrolled)) as advance:
        attempts = attempted(verifier, found, reference, probe, heard, str(chosen), advance=advance)
    return attempts, Pair(engine.threshold(chosen), verifier.threshold(probe))


def told(found: Presentations) -> None:
    """Who is enrolled, and what is left out."""
    print(f"{len(found.enrolled)} subjects enrolled, {len(found.probes)} pictures compared, {len(found.attempts)} attempts.")
    for reason, number in found.skipped.items():
        print(f"{number} pictures left out: {reason}.")
    print()


def report(attempts: Attempts, fmr: float, shipped: Pair | None) -> str:
    """The table of every way to set thresholds, and what stands behind it."""
    ways: list[tuple[str, Callable[[Attempts], Pair]]] = [
        (f"{BPCER} and fmr={fmr:g}, the other half", partial(by_rules, fmr=fmr)),
        (f"lowest RIAPAR at FMR {100 * fmr:g} %, the other half", partial(pair_by_riapar, fmr=fmr, split="the other half")),
    ]
    found = [(name, halved(attempts, choose)) for name, choose in ways]
    rows = [(name, *cells(halves, halves.intervals())) for name, halves in found]
    parts = [(f"{name}, half {number}", rates) for name, halves in found for number, rates in enumerate(halves.rates, start=1)]
    if shipped:
        at = joint_rates(attempts, shipped)
        rows.append(("as shipped", *cells(at, joint_intervals(attempts, shipped))))
        parts.append(("as shipped, all subjects", at))
    species = list(found[0][1].iapar)
    zero_effort = int((attempts.bona_fide & ~attempts.mated).sum())
    smallest = min(one.far.trials for one in found[0][1].rates if one.far)
    mated, attacks = int((attempts.bona_fide & attempts.mated).sum()), int((~attempts.bona_fide).sum())
    templates = len(set(attempts.reference.tolist()))
    counted = f"{len(attempts)} attempts on {templates} templates: {mated} mated, {zero_effort} zero-effort, {attacks} attacks."
    lines = [
        f"{counted} FMR {100 * fmr:g} % of the smaller half {Support(smallest).of(fmr)}.",
        table(["thresholds", "FRR", "FAR", *(f"IAPAR {name}" for name in species), "worst", "RIAPAR"], rows),
        table(
            [
                "where",
                "liveness >=",
                "similarity >=",
                "BPCER",
                "FNMR",
                "FMR",
                "worst APCER",
                "worst share that matches",
                "no response",
            ],
            [(name, *apart(rates)) for name, rates in parts],
        ),
    ]
    return "\n\n".join(lines)


def by_rules(attempts: Attempts, fmr: float) -> Pair:
    """Each threshold by the rule that the shipped models use."""
    return pair_by_rules(attempts, Rule.parse(BPCER), fmr, "the other half")


def cells(rates: JointRates | Halves, drawn: JointIntervals) -> Iterator[str]:
    """FRR, FAR, IAPAR of each species, the worst, RIAPAR."""
    yield rate(rates.frr, drawn.frr)
    yield rate(rates.far, drawn.far)
    yield from (rate(one, drawn.iapar[name]) for name, one in rates.iapar.items())
    yield rates.worst_iapar[0]
    yield f"{rates.riapar:.4f} [{drawn.riapar.low:.4f}, {drawn.riapar.high:.4f}]"


def apart(rates: JointRates) -> Iterator[str]:
    """What liveness and match do alone at these thresholds."""
    yield from (f"{threshold.value:.6f}" for threshold in (rates.pair.liveness, rates.pair.match))
    yield from (str(one) for one in (rates.bpcer, rates.fnmr, rates.fmr or "-"))
    for errors in (rates.apcer, rates.iapmr):
        name, one = max(errors.items(), key=lambda item: item[1].value)
        yield f"{name}: {one}"
    yield f"{rates.silent.errors}/{rates.silent.trials} mated, {rates.silent_attacks.errors}/{rates.silent_attacks.trials} attacks"


def rate(found: Rate | None, drawn: Interval | None) -> str:
    """A rate with its counts and both intervals."""
    return f"{found}; subjects [{100 * drawn.low:.2f}, {100 * drawn.high:.2f}]" if found and drawn else "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    main()
