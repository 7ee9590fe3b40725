/**
 * The machines that this queen has installed rbee on: enough to find their hives after a restart, and to uninstall from
 * a machine that `hives.conf` no longer names. Safe to lose: the next sync finds everything again.
 */
import { readSmallFile } from '../../boundary/small-file.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import type { SshTarget } from '../../ssh/target.ts';

export interface StoredMachine {
  target: SshTarget;
  /** `linux-x64`. */
  platform: string;
  /** Path of its hive's socket. */
  hiveSocket: string;
  /** For machines whose sshd does not forward to sockets: the loopback port of the hive, and the token it requires. */
  hivePort?: { port: number; token: string };
  /**
   * Ports that the running hive was started with for its workers, `first-last`. Absent if an older queen started it.
   */
  workerPorts?: string;
  /** The build that was installed last, `<version>-<hash8>`. */
  installed: string;
  /** A person stopped its hive. It stays stopped until a person starts it. */
  stopped?: true;
}

export class MachineStore {
  readonly #file: string;
  #machines = new Map<string, StoredMachine>();
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** Reads the file. A missing or damaged file counts as empty. */
  async load(): Promise<void> {
    const text = await readSmallFile(this.#file, { maxBytes: 16 * 2 ** 20 }).catch(() => '{}');
    try {
      const { machines } = JSON.parse(text) as { machines?: Record<string, StoredMachine> };
      const known = Object.entries(machines ?? {}).filter(
        ([, one]) => typeof one?.hiveSocket === 'string' && one.target,
      );
      this.#machines = new Map(known);
    } catch {
      this.#machines = new Map();
    }
  }

  get(alias: string): StoredMachine | undefined {
    return this.#machines.get(alias);
  }

  entries(): IterableIterator<[string, StoredMachine]> {
    return this.#machines.entries();
  }

  /** Stores a machine; null removes it. Throws STATE_UNWRITABLE. */
  set(alias: string, machine: StoredMachine | null): Promise<void> {
    if (JSON.stringify(this.#machines.get(alias) ?? null) === JSON.stringify(machine)) return this.#writing;
    if (machine) this.#machines.set(alias, machine);
    else this.#machines.delete(alias);
    // Writes run one after another; each writes the newest state.
    this.#writing = this.#writing
      .catch(() => {})
      .then(() => writeAtomic(this.#file, `${JSON.stringify({ machines: Object.fromEntries(this.#machines) })}\n`));
    return this.#writing;
  }
}
