/** The hives of other machines: those that hives.conf names, and those that this queen has installed. */
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, loadHivesConf } from '../../config/hives-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import { defaultHivePort, defaultWorkerPorts } from '../../contract/ports.ts';
import { lockFile } from '../../plugins/lock-file.ts';
import { targetOf } from '../link/targets.ts';
import { RemoteHive, type RemoteHiveDeps } from './remote-hive.ts';

export interface RemoteHivesOptions extends RemoteHiveDeps {
  /** Path of this queen's hives.conf. */
  file: string;
  /** A person chose the folder of the file (RBEE_HOME). */
  isChosen: boolean;
  /** Called once the file is read, and whenever it or rbee.lock changes. Null: no file. */
  onFile?: (conf: HivesConf | null) => void;
}

/** The defaults of hives.conf. */
export const defaultSettings = {
  autoStart: true,
  hivePort: defaultHivePort,
  workerPorts: defaultWorkerPorts,
  labels: {},
};
/** How long a starting queen waits for machines that do not answer. */
const startupWaitMs = 1_500;
/** Gives an editor time to finish writing. */
const settleMs = 200;

export class RemoteHives {
  readonly #options: RemoteHivesOptions;
  readonly #hives = new Map<string, RemoteHive>();
  #watcher: FSWatcher | undefined;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: RemoteHivesOptions) {
    this.#options = options;
  }

  /** Adds all known hives, and watches the file. If the file is invalid, the present hives stay. */
  async start(): Promise<void> {
    const { machineStore, file, logger } = this.#options;
    await machineStore.load();
    this.#follow();
    for (const [alias, { target }] of machineStore.entries()) {
      if (!this.#hives.has(alias)) this.#add(new RemoteHive(target, defaultSettings, this.#options));
    }
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      this.#watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(file) || name === basename(lockFile(''))) this.#soon();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch (error) {
      logger.warn(error, 'cannot watch hives.conf: changes take effect at the next sync');
    }
    // Otherwise the first list after a restart would show nothing running.
    await Promise.all([...this.#hives.values()].map((hive) => hive.waitOnline(startupWaitMs)));
  }

  get(alias: string): RemoteHive | undefined {
    return this.#hives.get(alias);
  }

  /** Throws HIVE_NOT_FOUND. */
  must(alias: string): RemoteHive {
    const hive = this.#hives.get(alias);
    if (hive) return hive;
    throw RbeeError.of('HIVE_NOT_FOUND', { hive: alias, known: [localAlias, ...this.#hives.keys()].join(', ') });
  }

  all(): Iterable<RemoteHive> {
    return this.#hives.values();
  }

  /** Adds or updates the hives that a file declares. */
  adopt({ hives }: HivesConf): void {
    for (const declared of hives) {
      if (declared.alias === localAlias) continue;
      const target = targetOf(declared, hives);
      const there = this.#hives.get(declared.alias);
      if (there) {
        there.configure(target, declared);
      } else this.#add(new RemoteHive(target, declared, this.#options));
    }
  }

  /** Removes a hive that was uninstalled, unless the file names it. */
  drop(alias: string): void {
    if (this.#declared()?.hives.some((hive) => hive.alias === alias)) return;
    const hive = this.#hives.get(alias);
    this.#hives.delete(alias);
    void hive?.close();
  }

  async close(): Promise<void> {
    clearTimeout(this.#settling);
    this.#watcher?.close();
    await Promise.all([...this.#hives.values()].map((hive) => hive.close()));
    this.#hives.clear();
  }

  #add(hive: RemoteHive): void {
    this.#hives.set(hive.alias, hive);
    hive.connect();
  }

  #soon(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#follow(), settleMs).unref();
  }

  #follow(): void {
    const conf = this.#declared();
    if (conf !== undefined) this.#options.onFile?.(conf);
    if (!conf) return;
    this.adopt(conf);
    const named = new Set(conf.hives.map(({ alias }) => alias));
    for (const hive of [...this.#hives.values()]) {
      // An installed hive stays until it is uninstalled.
      if (named.has(hive.alias) || this.#options.machineStore.get(hive.alias)) continue;
      this.#hives.delete(hive.alias);
      void hive.close();
    }
  }

  /** Null: no file. Undefined: the file is invalid. */
  #declared(): HivesConf | null | undefined {
    try {
      return loadHivesConf(this.#options.file, this.#options);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'hives.conf is invalid');
      return undefined;
    }
  }
}
