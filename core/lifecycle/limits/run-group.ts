/** The control group (cgroup v2) of one run: which processes are in it, and what the kernel did to them. */
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** Name of a run's group; systemd appends `.scope`. */
export const groupName = ({ name, nonce }: { name: string; nonce: string }): string =>
  `rbee-${name}-${nonce.slice(0, 8)}`;

export interface GroupKills {
  /** How often the group hit its limit. */
  limit: number;
  /** Processes of the group that the kernel killed, for any lack of memory. */
  kills: number;
}

export class RunGroup {
  readonly #name: string;
  readonly #candidates: () => Promise<readonly string[]>;

  /** `candidates` are the folders where the group may be; a folder of any other name is never touched. */
  constructor(run: { name: string; nonce: string }, candidates: () => Promise<readonly string[]>) {
    this.#name = groupName(run);
    this.#candidates = candidates;
  }

  /** PIDs in the group and in groups below it, whatever their environment says. Empty where there is no group. */
  async members(): Promise<number[]> {
    const folder = await this.#folder();
    return folder === null ? [] : await pidsBelow(folder);
  }

  /** How often memory ran out in it; null where that is not available. */
  async memoryKills(): Promise<GroupKills | null> {
    const folder = await this.#folder();
    const events = folder === null ? null : await readIfThere(join(folder, 'memory.events'));
    const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(events ?? '')?.[1] ?? Number.NaN);
    const [limit, kills] = [count('oom'), count('oom_kill')];
    return Number.isNaN(kills) ? null : { limit: limit || 0, kills };
  }

  /** Removes the group when it is empty; systemd removes its own. Never throws. */
  async release(): Promise<void> {
    const folder = await this.#folder();
    if (folder !== null) await rmdir(folder).catch(() => {});
  }

  async #folder(): Promise<string | null> {
    const names = [this.#name, `${this.#name}.scope`];
    for (const folder of await this.#candidates()) {
      if (names.includes(basename(folder)) && (await readIfThere(join(folder, 'cgroup.procs'))) !== null) return folder;
    }
    return null;
  }
}

const pidsBelow = async (folder: string): Promise<number[]> => {
  const own = ((await readIfThere(join(folder, 'cgroup.procs'))) ?? '').split('\n').map(Number);
  const below = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const others = await Promise.all(
    below.filter((entry) => entry.isDirectory()).map(({ name }) => pidsBelow(join(folder, name))),
  );
  return [...own, ...others.flat()].filter((pid) => pid > 1);
};

/** A group, with everything in its folder, may disappear at any time. */
const readIfThere = (file: string): Promise<string | null> => readFile(file, 'utf8').catch(() => null);
