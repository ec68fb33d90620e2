// Loads an artifact once and switches its configurations, the same in Node and in a browser.

/** A network that is loaded once and runs any configuration next. Calls must not overlap. */
export class Livegate {
  #ort;
  #session;
  #variant;

  /** Use {@link Livegate.load}. */
  constructor(ort, manifest, session, variant) {
    this.#ort = ort;
    this.manifest = manifest;
    this.#session = session;
    this.#variant = variant;
  }

  /**
   * @param ort the module onnxruntime-node or onnxruntime-web
   * @param manifest the parsed manifest.json of an artifact
   * @param {Uint8Array} model the bytes of the variant's file, such as model.onnx
   * @param {string} variant whose file that is: "onnx", "onnx-fp16" or "onnx-int8"
   * @throws {RangeError} if the model wants its faces otherwise than {@link crop} cuts them, or there is no such variant
   */
  static async load(ort, manifest, model, variant = "onnx") {
    const { task, preprocessing, variants } = manifest;
    const { shape, interpolation } = preprocessing;
    // Other pixels would give wrong scores without a sign of it.
    if (task !== "liveness" || shape !== "square" || interpolation !== "area")
      throw new RangeError(`needs task liveness, shape square, interpolation area; got ${task}, ${shape}, ${interpolation}`);
    if (!variants[variant]) throw new RangeError(`${variant} is none of ${Object.keys(variants).join(", ")}`);
    return new Livegate(ort, manifest, await ort.InferenceSession.create(model, { intraOpNumThreads: 1 }), variants[variant]);
  }

  /**
   * Judges a face.
   *
   * @param picture {data, width, height} with RGBA bytes, such as a canvas's ImageData
   * @param box {x, y, width, height} of the face, in pixels of the picture
   * @param configuration letters such as "HLH"
   * @returns score 0..1 (higher = more bona fide), its threshold, whether the face is accepted as bona fide, and the logits
   */
  async check(picture, box, configuration = this.manifest.default_configuration) {
    const logits = await this.logits(crop(picture, box, this.manifest.preprocessing), configuration);
    const [bonaFide, attack] = logits;
    const score = 1 / (1 + Math.exp(attack - bonaFide));
    const own = this.#variant.thresholds?.[configuration];
    const threshold = (own ?? this.manifest.configurations[configuration].threshold).value;
    return { score, threshold, accepted: score >= threshold, logits };
  }

  /** Logits (bona fide, attack) of a face: Float32Array (3 * size * size), RGB, 0..255. */
  async logits(face, configuration) {
    const { size } = this.manifest.preprocessing;
    const { name, values } = this.#variant.entry;
    const branches = values[configuration];
    if (!branches) throw new RangeError(`${configuration} is none of ${Object.keys(values).join(", ")}`);
    const { logits } = await this.#session.run({
      image: new this.#ort.Tensor("float32", face, [1, 3, size, size]),
      [name]: new this.#ort.Tensor("int64", BigInt64Array.from(branches, BigInt), [branches.length]),
    });
    return [...logits.data];
  }
}

/** The face of a picture as the network takes it: Float32Array (3 * size * size), RGB, 0..255. */
export function crop(picture, box, { size, margin }) {
  return resize(picture, square(box, picture.width, picture.height, margin), size);
}

/** The square about a face box that is cut out, in whole pixels, shifted to stay inside the picture. Halves round up. */
export function square(box, width, height, margin) {
  const side = Math.max(1, Math.min(Math.round(margin * Math.max(box.width, box.height)), width, height));
  const within = (start, end) => Math.min(Math.max(Math.round(start), 0), end - side);
  return {
    x: within(box.x + box.width / 2 - side / 2, width),
    y: within(box.y + box.height / 2 - side / 2, height),
    side,
  };
}

/** A square of a picture, area-averaged where it shrinks, bilinear where it grows: Float32Array (3 * size * size), whole numbers. */
export function resize({ data, width }, { x, y, side }, size) {
  const line = taps(side, size);
  const face = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel++) {
    const narrow = new Float32Array(side * size);
    for (let row = 0; row < side; row++) {
      const start = 4 * ((y + row) * width + x) + channel;
      line.forEach(({ first, weights }, column) => {
        narrow[row * size + column] = weights.reduce((sum, weight, k) => sum + weight * data[start + 4 * (first + k)], 0);
      });
    }
    line.forEach(({ first, weights }, row) => {
      for (let column = 0; column < size; column++) {
        const value = weights.reduce((sum, weight, k) => sum + weight * narrow[(first + k) * size + column], 0);
        face[(channel * size + row) * size + column] = Math.round(value);
      }
    });
  }
  return face;
}

/** For each of `size` output pixels, the first of the `side` input pixels that it takes from, and their weights. */
function taps(side, size) {
  const scale = side / size;
  return Array.from({ length: size }, (_, i) => {
    if (scale < 1) {
      const centre = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), side - 1);
      const first = Math.floor(centre);
      return { first, weights: first === centre ? [1] : [first + 1 - centre, centre - first] };
    }
    const [start, end] = [i * scale, Math.min((i + 1) * scale, side)];
    const first = Math.floor(start);
    const covered = (pixel) => (Math.min(pixel + 1, end) - Math.max(pixel, start)) / scale;
    return { first, weights: Array.from({ length: Math.ceil(end) - first }, (_, k) => covered(first + k)) };
  });
}
