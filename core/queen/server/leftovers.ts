/** Asks V8 for the memory of request bodies once they are done with: an idle process would keep it for a long time. */

/** Bodies up to this size are left to the usual garbage collection. */
export const smallBytes = 256 * 1024;

/** Milliseconds without a large body before the collection. */
const restMs = 1_000;

export class Leftovers {
  readonly #collect: (() => unknown) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `collect` is absent in a process that cannot collect its garbage on request. */
  constructor(collect: (() => unknown) | undefined = collector()) {
    this.#collect = collect;
  }

  /** A body of this size is not needed any more. */
  done(bytes: number): void {
    if (bytes <= smallBytes || !this.#collect) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#collect, restMs).unref();
  }
}

const collector = (): (() => unknown) | undefined => {
  const { gc } = globalThis;
  return gc && (() => gc({ type: 'major', execution: 'async' }));
};
