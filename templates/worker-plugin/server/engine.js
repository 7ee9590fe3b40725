/** The engine. Put yours here: load it in `loadEngine`, and answer in `say`. */

/**
 * @typedef {object} Engine
 * @property {(prompt: string, signal: AbortSignal) => AsyncGenerator<string>} say Gives the answer piece by piece; ends
 * early when the signal fires, because the client has left.
 */

/**
 * Called once, before the worker is ready. `progress` takes 0 to 1, and is shown while users wait.
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
