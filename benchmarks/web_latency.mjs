// What switching costs in onnxruntime-web: one file for all configurations against a file for each, one thread, in turn.
//
//     for c in HHH LHH HLH HHL LLL BBB; do livegate export RUN --to onnx --fixed $c --out STATIC/$c; done
//     node benchmarks/web_latency.mjs ARTIFACT STATIC [--runtime onnxruntime-node] [--rounds N] [--json FILE]
//
// ARTIFACT is an export of the same RUN. The packages are those of examples/javascript (npm ci --ignore-scripts there, or make examples).
// Timing is that of `livegate bench`: a ratio is formed within a round, of the fastest of five calls, and of all rounds the median counts.
// "of No PTA" relates the switchable file to the static all-heavy one.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, cpus, platform } from "node:os";
import { parseArgs } from "node:util";

const BURST = 5;
const TOLERANCE = 1e-4;
const NO_PTA = "HHH";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string", default: "onnxruntime-web" },
    rounds: { type: "string", default: "100" },
    json: { type: "string" },
  },
});
const [artifact, statics] = positionals;
const require = createRequire(new URL("../examples/javascript/package.json", import.meta.url));
const ort = require(options.runtime);
if (options.runtime === "onnxruntime-web") ort.env.wasm.numThreads = 1;

const { size, branches } = await facts(artifact);
const pixels = Float32Array.from({ length: 3 * size * size }, (_, i) => (i * 97) % 256);
const image = new ort.Tensor("float32", pixels, [1, 3, size, size]);
const configurations = (await readdir(statics)).filter((name) => name in branches);
if (!configurations.includes(NO_PTA)) throw new Error(`${statics} has no ${NO_PTA}: all is related to the static all-heavy file`);

const switchable = await load(artifact);
const calls = {};
for (const configuration of configurations) {
  const chosen = new ort.Tensor("int64", BigInt64Array.from(branches[configuration], BigInt), [branches[configuration].length]);
  const fixed = await load(`${statics}/${configuration}`);
  calls[`switchable ${configuration}`] = () => switchable.run({ image, configuration: chosen });
  calls[`static ${configuration}`] = () => fixed.run({ image });
  await sameLogits(configuration);
}

const times = await inTurn(Number(options.rounds));
const rows = Object.fromEntries(configurations.map((configuration) => [configuration, row(configuration)]));
console.table(Object.fromEntries(Object.entries(rows).map(([name, numbers]) => [name, rounded(numbers)])));
if (options.json) {
  const machine = { cpu: cpus()[0].model, platform: `${platform()} ${arch()}`, node: process.version };
  const measured = { runtime: options.runtime, versions: ort.env.versions, threads: 1, rounds: Number(options.rounds), machine };
  await writeFile(options.json, `${JSON.stringify({ ...measured, configurations: rows }, null, 2)}\n`);
}

/** Input size, and the numbers that choose each configuration. */
async function facts(folder) {
  const manifest = JSON.parse(await readFile(`${folder}/manifest.json`, "utf8"));
  return { size: manifest.preprocessing.size, branches: manifest.variants.onnx.entry.values };
}

async function load(folder) {
  return ort.InferenceSession.create(await readFile(`${folder}/model.onnx`), { intraOpNumThreads: 1 });
}

/** Only files of one network can be compared. */
async function sameLogits(configuration) {
  const [one, other] = [await calls[`switchable ${configuration}`](), await calls[`static ${configuration}`]()];
  const difference = Math.max(...one.logits.data.map((value, i) => Math.abs(value - other.logits.data[i])));
  if (!(difference <= TOLERANCE)) throw new Error(`${configuration}: the files differ by ${difference}; export both from one run`);
}

/** The fastest call of each thing in each round, in milliseconds; every other round runs backwards. */
async function inTurn(rounds) {
  const names = Object.keys(calls);
  const best = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? names.toReversed() : names) {
      await calls[name](); // finds the cache as the thing before left it, and does not count
      const burst = [];
      for (let call = 0; call < BURST; call++) {
        const started = performance.now();
        await calls[name]();
        burst.push(performance.now() - started);
      }
      best[name].push(Math.min(...burst));
    }
  }
  return best;
}

function row(configuration) {
  const [one, other, noPta] = [`switchable ${configuration}`, `static ${configuration}`, `static ${NO_PTA}`].map((key) => times[key]);
  return {
    "switchable ms": median(one),
    "static ms": median(other),
    "switchable / static": ratio(one, other),
    "of No PTA": ratio(one, noPta),
  };
}

function ratio(one, other) {
  return median(one.map((time, round) => time / other[round]));
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

function rounded(numbers) {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, value.toFixed(3)]));
}
