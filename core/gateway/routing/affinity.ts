/** Remembers which worker made an id, so that later requests with this id go to it. */

/** A worker by its key in the fleet; another one that gets the key later has another uid. */
export interface Maker {
  key: string;
  uid: string | undefined;
}

const maxIds = 50_000;
const maxIdLength = 256;
const maxAgeMs = 30 * 24 * 60 * 60 * 1000;

export class Affinity {
  /** By `name:id`, the one used longest ago first. */
  readonly #makers = new Map<string, Maker & { at: number }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get size(): number {
    return this.#makers.size;
  }

  bind(name: string, id: string, { key, uid }: Maker): void {
    if (id === '' || id.length > maxIdLength) return;
    const whole = `${name}:${id}`;
    this.#makers.delete(whole);
    this.#makers.set(whole, { key, uid, at: this.#now() });
    for (const oldest of this.#makers.keys()) {
      if (this.#makers.size <= maxIds) break;
      this.#makers.delete(oldest);
    }
  }

  /** `whole` is `name:id`. A use makes it young again. */
  makerOf(whole: string): Maker | undefined {
    const found = this.#makers.get(whole);
    if (!found) return undefined;
    this.#makers.delete(whole);
    const now = this.#now();
    if (now - found.at > maxAgeMs) return undefined;
    this.#makers.set(whole, { ...found, at: now });
    return found;
  }
}
