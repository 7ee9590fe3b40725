/**
 * The secrets that the workers of this hive use. They come with the request that needs them, are written before anything is
 * started, and are deleted once no worker names them any more.
 */
import { RbeeError } from '../../contract/errors.ts';
import {
  type MayNameSecrets,
  referencedSecret,
  secretNamePattern,
  secretsOf,
} from '../../contract/secret-reference.ts';
import { Redactor } from '../../secrets/redaction.ts';
import { scrubLog } from '../../secrets/scrub.ts';
import type { SecretStore } from '../../secrets/store.ts';

/** Values by name, as the queen sends them with a request. */
export type GivenSecrets = Readonly<Record<string, string>>;

export class WorkerSecrets {
  readonly redactor: Redactor;
  readonly #store: SecretStore;
  /** What the workers that are there were asked for. */
  readonly #inUse: () => Iterable<MayNameSecrets>;
  /** What is being started and is no worker yet. */
  readonly #held = new Set<MayNameSecrets>();
  /** Writing and cleaning up take turns: what one has just brought the other must not take away. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: SecretStore, inUse: () => Iterable<MayNameSecrets>) {
    this.#store = store;
    this.#inUse = inUse;
    this.redactor = new Redactor(() => store.values());
  }

  /**
   * Writes what was given and makes sure that nothing else is missing. What it names stays until it is released, or longer
   * where a worker names it. Errors: SECRET_NOT_FOUND, INVALID_INPUT, STATE_UNWRITABLE.
   */
  async hold(spec: MayNameSecrets, given: GivenSecrets = {}): Promise<() => Promise<void>> {
    const names = secretsOf(spec);
    if (names.length === 0) return async () => {};
    this.#held.add(spec);
    const release = async (): Promise<void> => {
      this.#held.delete(spec);
      await this.collect();
    };
    try {
      await this.#inTurn(async () => {
        for (const name of names) if (given[name] !== undefined) await this.#store.set(name, given[name]);
      });
      for (const name of names) await this.#value(name);
    } catch (error) {
      await release();
      throw error;
    }
    return release;
  }

  /** Deletes what no worker names. */
  async collect(): Promise<void> {
    await this.#inTurn(async () => {
      const used = new Set([...this.#inUse(), ...this.#held].flatMap(secretsOf));
      for (const { name } of await this.#store.list()) if (!used.has(name)) await this.#store.delete(name);
    });
  }

  /**
   * Variables with values in place of references. Only those that the worker itself names: its type may not ask for any
   * others. Errors: SECRET_NOT_FOUND.
   */
  async resolve(env: Readonly<Record<string, string>>, spec: MayNameSecrets): Promise<Record<string, string>> {
    const mayUse = new Set(secretsOf(spec));
    const resolved: Record<string, string> = { ...env };
    for (const [variable, written] of Object.entries(env)) {
      const name = referencedSecret(written);
      if (name !== undefined && mayUse.has(name)) resolved[variable] = await this.#value(name);
    }
    return resolved;
  }

  /** A log that cannot be cleaned stays as its engine wrote it: it is shown redacted all the same. */
  async scrub(logFile: string): Promise<void> {
    await scrubLog(logFile, this.redactor).catch(() => {});
  }

  fileOf(name: string): string {
    return this.#store.fileOf(name);
  }

  async #value(name: string): Promise<string> {
    const value = new RegExp(secretNamePattern).test(name) ? await this.#store.get(name) : undefined;
    if (value === undefined) throw RbeeError.of('SECRET_NOT_FOUND', { secret: name.slice(0, 80), near: '' });
    return value;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }
}
