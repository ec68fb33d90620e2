// Loads an artifact with examples/javascript under a runtime that always gives the logits 1 and 0: a line of JSON in, the decision or
// the error out.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { Livegate } = await import(pathToFileURL(process.argv[2]));
const session = { run: async () => ({ logits: { data: [1, 0] } }) };
const ort = { InferenceSession: { create: async () => session }, Tensor: class {} };
const picture = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
for await (const line of createInterface({ input: process.stdin })) {
  const { manifest, variant } = JSON.parse(line);
  try {
    const livegate = await Livegate.load(ort, manifest, new Uint8Array(), variant);
    console.log(JSON.stringify(await livegate.check(picture, { x: 0, y: 0, width: 1, height: 1 }, "HHH")));
  } catch (error) {
    console.log(JSON.stringify({ error: `${error}` }));
  }
}
