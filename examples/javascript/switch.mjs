// Loads an artifact in Node and runs it on a face under any configurations, one after the other.
//
//     node switch.mjs ARTIFACT face.ppm HHH LLL BBB [--web]
//
// face.ppm is any binary PPM picture that is a face altogether, such as examples/crop.py writes. With --web, onnxruntime-web computes, as
// in a browser, else onnxruntime-node. A line for each configuration: its logits (bona fide, attack), and the decision.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { Livegate } from "./livegate.mjs";

const { values, positionals } = parseArgs({ options: { web: { type: "boolean" } }, allowPositionals: true });
const [artifact, path, ...configurations] = positionals;

const ort = await import(values.web ? "onnxruntime-web" : "onnxruntime-node");
if (values.web) ort.env.wasm.numThreads = 1;
const manifest = JSON.parse(await readFile(`${artifact}/manifest.json`, "utf8"));
const livegate = await Livegate.load(ort, manifest, await readFile(`${artifact}/model.onnx`));

const picture = ppm(await readFile(path));
const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
for (const configuration of configurations) {
  const { logits, score, threshold, accepted } = await livegate.check(picture, whole, configuration);
  console.log(configuration, ...logits, `score ${score} ${accepted ? ">=" : "<"} threshold ${threshold}`);
}

/** The pixels of a binary PPM file as a canvas would give them: RGBA bytes. */
function ppm(bytes) {
  const [header, width, height] = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString("latin1", 0, 64)) ?? [];
  if (!header) throw new TypeError("expected a binary PPM file with 8 bits a channel");
  const picture = { width: Number(width), height: Number(height), data: new Uint8ClampedArray(4 * width * height) };
  for (let pixel = 0; pixel < width * height; pixel++) {
    picture.data.set(bytes.subarray(header.length + 3 * pixel, header.length + 3 * pixel + 3), 4 * pixel);
  }
  return picture;
}
