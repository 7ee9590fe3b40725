/**
 * What the queen knows of machines that she has installed rbee on: enough to find a hive again after she was restarted,
 * and to take rbee off a machine that `hives.conf` no longer names. It can be lost: a sync finds out again.
 */
import { readSmallFile } from '../../boundary/small-file.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import type { SshTarget } from '../../ssh/target.ts';

export interface RememberedMachine {
  target: SshTarget;
  /** `linux-x64`. */
  platform: string;
  /** Socket of its hive. */
  hiveSocket: string;
  /** Where its sshd lets nobody through to a socket: the loopback port of the hive, and what it wants to be shown. */
  hivePort?: { port: number; token: string };
  /** Ports that its hive was started with for workers, `first-last`; absent where an older queen started it. */
  workerPorts?: string;
  /** What was installed last, `<version>-<hash8>`. */
  installed: string;
  /** A person stopped its hive: it stays so until it is asked for. */
  stopped?: true;
}

export class Remembered {
  readonly #file: string;
  #machines = new Map<string, RememberedMachine>();
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** A file that is missing or damaged is an empty one. */
  async load(): Promise<void> {
    const text = await readSmallFile(this.#file, { maxBytes: 16 * 2 ** 20 }).catch(() => '{}');
    try {
      const { machines } = JSON.parse(text) as { machines?: Record<string, RememberedMachine> };
      const known = Object.entries(machines ?? {}).filter(
        ([, one]) => typeof one?.hiveSocket === 'string' && one.target,
      );
      this.#machines = new Map(known);
    } catch {
      this.#machines = new Map();
    }
  }

  get(alias: string): RememberedMachine | undefined {
    return this.#machines.get(alias);
  }

  entries(): IterableIterator<[string, RememberedMachine]> {
    return this.#machines.entries();
  }

  /** Null forgets it. Throws STATE_UNWRITABLE. */
  set(alias: string, machine: RememberedMachine | null): Promise<void> {
    if (JSON.stringify(this.#machines.get(alias) ?? null) === JSON.stringify(machine)) return this.#writing;
    if (machine) this.#machines.set(alias, machine);
    else this.#machines.delete(alias);
    // One after another, each with everything that is known by then.
    this.#writing = this.#writing
      .catch(() => {})
      .then(() => writeAtomic(this.#file, `${JSON.stringify({ machines: Object.fromEntries(this.#machines) })}\n`));
    return this.#writing;
  }
}
