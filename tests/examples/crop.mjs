// Answers questions about the crop of examples/javascript: a line of JSON in, a line of JSON out.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { resize, square } = await import(pathToFileURL(process.argv[2]));
for await (const line of createInterface({ input: process.stdin })) {
  const { box, picture, side, size } = JSON.parse(line);
  if (box) {
    const [x, y, width, height, ...rest] = box;
    console.log(JSON.stringify(Object.values(square({ x, y, width, height }, ...rest))));
  } else {
    console.log(JSON.stringify([...resize(picture, { x: 0, y: 0, side }, size)]));
  }
}
