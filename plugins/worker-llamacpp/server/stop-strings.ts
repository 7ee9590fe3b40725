/** Passes text through until a stop string appears, and holds back what may be the start of one. */

export interface StopGate {
  /** What can be shown now. */
  push(text: string): string;
  /** Whether a stop string was found: nothing more follows. */
  readonly stopped: boolean;
  /** The held-back text, if the answer ended without a stop string. */
  end(): string;
}

export const createStopGate = (stops: readonly string[]): StopGate => {
  const wanted = stops.filter((stop) => stop !== '');
  let held = '';
  let stopped = false;
  return {
    get stopped() {
      return stopped;
    },
    push: (text) => {
      if (wanted.length === 0) return text;
      held += text;
      const found = wanted.map((stop) => held.indexOf(stop)).filter((place) => place >= 0);
      if (found.length > 0) {
        const shown = held.slice(0, Math.min(...found));
        held = '';
        stopped = true;
        return shown;
      }
      const keep = Math.max(...wanted.map((stop) => overlap(held, stop)));
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return shown;
    },
    end: () => {
      const rest = held;
      held = '';
      return rest;
    },
  };
};

/** Length of the longest suffix of `text` that is a prefix of `stop`. */
const overlap = (text: string, stop: string): number => {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length -= 1) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
};
