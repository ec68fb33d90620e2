"""How long it takes to find one face among a million, how often the right one is found, and what enrolling costs.

    python benchmarks/identify.py [--templates N] [--size D] [--cosine X] [--queries N] [--people N] [--json FILE]

The templates are random directions, one a subject, which are spread wider than faces are and nothing to go by. A query is one of them plus
noise, at a given cosine to it: that of two pictures of one person. Every time stands beside that of a plain scan (one product of all
templates and the query, one thread) on the same machine in the same minute: on a busy machine the ratio means more than the milliseconds.

The scan reads 512 MB a query at the default size; the program needs about 1.2 GB of memory.
"""

from __future__ import annotations

import os

# Read when NumPy is loaded.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from livegate.configuration import Configuration
from livegate.templates.index import Index
from livegate.templates.key import Key
from livegate.templates.record import Consent
from livegate.templates.store import TemplateStore

BLOCK, CHUNK = 65_536, 8192
"""Templates that are made, and compared with all queries, at once."""
SCANS = 30

Floats = NDArray[np.float32]
Result = TypeVar("Result")


def main() -> None:
    """Fill an index, ask it, fill a store on the disk, and print what it cost."""
    parser = argparse.ArgumentParser(description="Finding one face among many.")
    parser.add_argument("--templates", type=int, default=1_000_000, help="in memory (default: 1,000,000)")
    parser.add_argument("--size", type=int, default=128, help="numbers in a template (default: 128)")
    parser.add_argument("--cosine", type=float, default=0.6, help="of a query and its template (default: 0.6)")
    parser.add_argument("--queries", type=int, default=1000, help="(default: 1000)")
    parser.add_argument("--people", type=int, default=500, help="enrolled on the disk (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other templates (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    results: dict[str, object] = {
        key: getattr(arguments, key) for key in ("templates", "size", "cosine", "queries", "people", "seed")
    }
    results |= searched(random, arguments.templates, arguments.size, arguments.cosine, arguments.queries)
    results |= stored(random, arguments.people, arguments.size)
    show(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def searched(random: np.random.Generator, count: int, size: int, cosine: float, queries: int) -> dict[str, object]:
    """Build an index in memory and ask it; plain scans stand between the queries."""
    index = Index(size)
    index.reserve(count)
    wanted = np.sort(random.choice(count, queries, replace=False))
    mated = np.empty((queries, size), np.float32)
    build = 0.0
    for start, block in track(blocks(random, count, size), "building", -(-count // BLOCK), console=Console(stderr=True)):
        own = (wanted >= start) & (wanted < start + len(block))
        mated[own] = block[wanted[own] - start]
        owners = [number.to_bytes(16, "little") for number in range(start, start + len(block))]
        began = perf_counter()
        index.add(owners, block)
        build += perf_counter() - began
    probes = noisy(random, mated, cosine)
    plain = index._embeddings[:count]  # noqa: SLF001 - the very numbers that the index has
    nearest = nearest_of_all(plain, probes)
    times, scans, found, same = [], [], 0, 0
    for number in track(range(queries), "searching", console=Console(stderr=True)):
        elapsed, hits = timed(lambda row=number: index.search(probes[row], 1))
        times.append(elapsed)
        hit = int.from_bytes(hits[0][0], "little")
        found += int(hit == wanted[number])
        same += int(hit == nearest[number])
        if number % max(1, queries // SCANS) == 0:
            scans.append(timed(lambda row=number: int(np.argmax(plain @ probes[row])))[0])
    return {
        "found": found,
        "found_by_scan": int((nearest == wanted).sum()),
        "same_as_scan": same,
        "build_s": build,
        "query_ms": spread(times),
        "scan_ms": spread(scans),
        "ratio": median(took.cpu for took in times) / median(took.cpu for took in scans),
    }


def nearest_of_all(templates: Floats, probes: Floats) -> NDArray[np.intp]:
    """The row that is nearest to each probe, all of them compared."""
    best = np.full(len(probes), -2, np.float32)
    rows = np.zeros(len(probes), np.intp)
    for start in track(range(0, len(templates), CHUNK), "comparing all", console=Console(stderr=True)):
        similarities = templates[start : start + CHUNK] @ probes.T
        own = similarities.argmax(axis=0)
        values = similarities[own, np.arange(len(probes))]
        rows, best = np.where(values > best, own + start, rows), np.maximum(values, best)
    return rows


def stored(random: np.random.Generator, people: int, size: int) -> dict[str, object]:
    """Enrol people in a store on the disk, one template each, and open it anew."""
    consent = Consent("a benchmark", datetime.now(UTC))
    key, identity = Key.new(), "00" * 32
    templates = next(blocks(random, people, size))[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "templates.db"
        with TemplateStore.open(path, key, identity, create=True) as store:

            def enroll(number: int) -> str:
                return store.enroll(f"Person {number}", templates[number][None], Configuration.parse("HHH"), consent, 30)

            times = [
                timed(lambda row=number: enroll(row))[0]
                for number in track(range(people), "enrolling", console=Console(stderr=True))
            ]
        opening, store = timed(lambda: TemplateStore.open(path, key, identity))
        loading, _ = timed(lambda: store.search(templates[0], 1))
        store.close()
        return {
            "enroll_ms": spread(times),
            "open_ms": opening.wall,
            "first_search_ms": loading.wall,
            "file_bytes": path.stat().st_size,
        }


def blocks(random: np.random.Generator, count: int, size: int) -> Iterator[tuple[int, Floats]]:
    """Random directions, a block at a time, each with the number of its first."""
    for start in range(0, count, BLOCK):
        rows = random.standard_normal((min(BLOCK, count - start), size), dtype=np.float32)
        yield start, rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noisy(random: np.random.Generator, rows: Floats, cosine: float) -> Floats:
    """For each row a direction at this cosine to it."""
    noise = random.standard_normal(rows.shape, dtype=np.float32)
    noise -= (noise * rows).sum(axis=1, keepdims=True) * rows
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return np.float32(cosine) * rows + np.float32(np.sqrt(1 - cosine**2)) * noise


class Took(NamedTuple):
    """Milliseconds on the clock, and of the processor: others who use it lengthen the first."""

    wall: float
    cpu: float


def timed(call: Callable[[], Result]) -> tuple[Took, Result]:
    """What a call took, and what it gave."""
    began, worked = perf_counter(), process_time()
    result = call()
    return Took((perf_counter() - began) * 1000, (process_time() - worked) * 1000), result


def spread(times: list[Took]) -> dict[str, float]:
    """On the clock the fastest, median and 95th percentile; of the processor the median."""
    walls = [took.wall for took in times]
    cpu = median(took.cpu for took in times)
    return {"min": min(walls), "median": median(walls), "p95": quantiles(walls, n=20)[-1], "cpu_median": cpu}


def show(results: dict) -> None:
    """Print the numbers."""
    table = Table("", title=f"{results['templates']:,} templates of {results['size']} numbers, cosine {results['cosine']}")
    for column in ("fastest", "median", "95 %", "processor"):
        table.add_column(column, justify="right")
    for name, key in (("query", "query_ms"), ("plain scan", "scan_ms"), ("enrolment of one", "enroll_ms")):
        table.add_row(name, *(f"{value:.2f} ms" for value in results[key].values()))
    console = Console()
    console.print(table)
    console.print(
        f"of {results['queries']} queries {results['found']} found their template; a plain scan found {results['found_by_scan']}, "
        f"and the same one as the search for {results['same_as_scan']}"
    )
    console.print(
        f"a query takes {results['ratio']:.3f} of the processor time of a plain scan; building took {results['build_s']:.1f} s"
    )
    console.print(
        f"{results['people']} people: opened in {results['open_ms']:.0f} ms, first search {results['first_search_ms']:.0f} ms"
    )


if __name__ == "__main__":
    main()
