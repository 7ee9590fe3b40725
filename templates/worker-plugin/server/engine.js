/** The engine. Replace it with yours: load it in `loadEngine`, and answer in `say`. */

/**
 * @typedef {object} Engine
 * @property {(prompt: string, signal: AbortSignal) => AsyncGenerator<string>} say Yields the answer piece by piece. Throws
 * when the signal fires, because the client has disconnected.
 */

/**
 * Called once, before the worker is ready. `progress` takes 0 to 1, and is shown to waiting users.
 *
 * @param {string} greeting
 * @param {(fraction: number) => void} progress
 * @returns {Promise<Engine>}
 */
export const loadEngine = async (greeting, progress) => {
  progress(0.5);
  return {
    async *say(prompt, signal) {
      for (const word of `${greeting} ${prompt}`.split(/(?<=\s)/)) {
        signal.throwIfAborted();
        yield word;
      }
    },
  };
};
