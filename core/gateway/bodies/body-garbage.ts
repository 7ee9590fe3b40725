/** Asks V8 to free the memory of finished request bodies, which an idle process would keep for a long time. */

/** Bodies up to this size are left to normal garbage collection. */
export const smallBodyBytes = 256 * 1024;

/** Milliseconds without another large body before collecting. */
const collectDelayMs = 1_000;

export class BodyGarbage {
  readonly #collect: (() => unknown) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `collect` is undefined in a process started without access to the garbage collector. */
  constructor(collect: (() => unknown) | undefined = collector()) {
    this.#collect = collect;
  }

  /** A body of this size is no longer needed. */
  add(bytes: number): void {
    if (bytes <= smallBodyBytes || !this.#collect) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#collect, collectDelayMs).unref();
  }
}

const collector = (): (() => unknown) | undefined => {
  const { gc } = globalThis;
  return gc && (() => gc({ type: 'major', execution: 'async' }));
};
