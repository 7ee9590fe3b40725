/**
 * Which secrets each worker was given. Kept by the queen, because a compromised hive could claim any secret for its
 * workers.
 */
import { readSmallFile } from '../../boundary/small-file.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';

type Names = readonly string[];

export class Grants {
  readonly #file: string;
  readonly #names = new Map<string, Names>();
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** A missing or damaged file counts as empty: running workers keep their secrets until they are spawned again. */
  async load(): Promise<void> {
    const text = await readSmallFile(this.#file, { maxBytes: 16 * 2 ** 20 }).catch(() => '{}');
    try {
      const { grants } = JSON.parse(text) as { grants?: unknown };
      if (!Array.isArray(grants)) return;
      for (const { hive, worker, secrets } of grants as Partial<Grant>[]) {
        if (typeof hive !== 'string' || typeof worker !== 'string' || !Array.isArray(secrets)) continue;
        this.#names.set(
          key(hive, worker),
          secrets.filter((name) => typeof name === 'string'),
        );
      }
    } catch {
      this.#names.clear();
    }
  }

  of(hive: string, worker: string): Names {
    return this.#names.get(key(hive, worker)) ?? [];
  }

  /** Without names, the worker is removed. Errors: STATE_UNWRITABLE. */
  set(hive: string, worker: string, secrets: Names): Promise<void> {
    if (secrets.length === 0 && !this.#names.delete(key(hive, worker))) return this.#writing;
    if (secrets.length > 0) this.#names.set(key(hive, worker), secrets);
    this.#writing = this.#writing.catch(() => {}).then(() => writeAtomic(this.#file, this.#text()));
    return this.#writing;
  }

  #text(): string {
    const grants = [...this.#names].map(([written, secrets]): Grant => {
      const [hive = '', worker = ''] = JSON.parse(written) as string[];
      return { hive, worker, secrets };
    });
    return `${JSON.stringify({ grants })}\n`;
  }
}

interface Grant {
  hive: string;
  worker: string;
  secrets: Names;
}

const key = (hive: string, worker: string): string => JSON.stringify([hive, worker]);
