/** Reads sound in windows that can overlap: looking ahead does not consume samples. */

export interface Windows {
  /** Returns up to this many of the next samples; fewer at the end of the sound. */
  peek(count: number): Promise<{ samples: Float32Array; isLast: boolean }>;
  /** Skips this many samples. */
  skip(count: number): void;
  /** Closes the source. */
  close(): Promise<void>;
}

export const createWindows = (source: AsyncIterable<Float32Array>): Windows => {
  const pieces = source[Symbol.asyncIterator]();
  const held: Float32Array[] = [];
  let length = 0;
  let ended = false;

  return {
    peek: async (count) => {
      // One more sample shows whether this is the end.
      while (!ended && length <= count) {
        const { value, done } = await pieces.next();
        if (done) ended = true;
        else if (value.length > 0) {
          held.push(value);
          length += value.length;
        }
      }
      const samples = new Float32Array(Math.min(count, length));
      let filled = 0;
      for (const piece of held) {
        const part = piece.subarray(0, samples.length - filled);
        samples.set(part, filled);
        filled += part.length;
        if (filled === samples.length) break;
      }
      return { samples, isLast: ended && length <= count };
    },
    skip: (count) => {
      let rest = Math.min(count, length);
      length -= rest;
      while (rest > 0) {
        const [first = new Float32Array(0)] = held;
        if (first.length > rest) {
          held[0] = first.subarray(rest);
          return;
        }
        rest -= first.length;
        held.shift();
      }
    },
    close: async () => void (await pieces.return?.(undefined)),
  };
};
