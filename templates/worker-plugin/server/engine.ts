/** The engine. Put yours here: load it in `loadEngine`, and answer in `say`. */

export interface Engine {
  /** Gives the answer piece by piece; ends early when the signal fires, because the client has left. */
  say(prompt: string, signal: AbortSignal): AsyncGenerator<string>;
}

/** Called once, before the worker is ready. `progress` takes 0 to 1, and is shown while users wait. */
export const loadEngine = async (greeting: string, progress: (fraction: number) => void): Promise<Engine> => {
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
