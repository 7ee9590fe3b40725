/** The hives of other machines that the queen looks after: those that hives.conf names, and those that she remembers. */
import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, loadHivesConf } from '../../config/hives-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import { defaultWorkerPorts } from '../../contract/ports.ts';
import { lockFile } from '../../plugins/lock-file.ts';
import { RemoteHive, type RemoteHiveParts } from './remote-hive.ts';
import { targetOf } from './targets.ts';

export interface RemoteHivesOptions extends RemoteHiveParts {
  /** The hives.conf of this queen. */
  file: string;
  /** A person chose the home that the file is in. */
  isChosen: boolean;
  /** Called with the file once it is taken up, and whenever it or rbee.lock changes; null when there is none. */
  onFile?: (conf: HivesConf | null) => void;
}

/** As hives.conf has it where it does not say. */
const undeclared = { autoStart: true, hivePort: 8600, workerPorts: defaultWorkerPorts, labels: {} };
/** Milliseconds for which a queen that starts waits for machines that do not answer. */
const patienceMs = 1_500;
/** Milliseconds for an editor to finish writing. */
const settleMs = 200;

export class RemoteHives {
  readonly #options: RemoteHivesOptions;
  readonly #hives = new Map<string, RemoteHive>();
  #watcher: FSWatcher | undefined;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: RemoteHivesOptions) {
    this.#options = options;
  }

  /** Takes up every hive that is known, and goes on following the file. A file that is wrong leaves the rest as it is. */
  async start(): Promise<void> {
    const { remembered, file, logger } = this.#options;
    await remembered.load();
    this.#follow();
    for (const [alias, { target }] of remembered.entries()) {
      if (!this.#hives.has(alias)) this.#add(new RemoteHive(target, undeclared, this.#options));
    }
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      this.#watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(file) || name === basename(lockFile(''))) this.#soon();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch (error) {
      logger.warn(error, 'hives.conf is not watched: a change is seen by the next sync');
    }
    // Who asks a queen that has just been started is not told that nothing runs where much does.
    await Promise.all([...this.#hives.values()].map((hive) => hive.met(patienceMs)));
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

  /** Takes up what a file declares, as it declares it now. */
  adopt({ hives }: HivesConf): void {
    for (const declared of hives) {
      if (declared.alias === localAlias) continue;
      const target = targetOf(declared, hives);
      const there = this.#hives.get(declared.alias);
      if (there) {
        there.autoStart = declared.autoStart;
        there.hivePort = declared.hivePort;
        there.workerPorts = declared.workerPorts;
        there.member.label(declared.labels);
        there.retarget(target);
      } else this.#add(new RemoteHive(target, declared, this.#options));
    }
  }

  /** Lets go of a hive that was taken off its machine, unless the file names it. */
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
    hive.meet();
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
      // What was installed stays known until it is removed.
      if (named.has(hive.alias) || this.#options.remembered.get(hive.alias)) continue;
      this.#hives.delete(hive.alias);
      void hive.close();
    }
  }

  /** Null where there is none, undefined where it is wrong. */
  #declared(): HivesConf | null | undefined {
    try {
      return loadHivesConf(this.#options.file, this.#options);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'hives.conf cannot be used as it is');
      return undefined;
    }
  }
}
