/**
 * The secrets that the workers of this hive use. They arrive with a request, are written before anything starts, and
 * are deleted once no worker uses them.
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

/** Values by name, as sent by the queen. */
export type GivenSecrets = Readonly<Record<string, string>>;

export class WorkerSecrets {
  readonly redactor: Redactor;
  readonly #store: SecretStore;
  /** The specs of the existing workers. */
  readonly #inUse: () => Iterable<MayNameSecrets>;
  /** Specs that are being started and have no worker yet. */
  readonly #held = new Set<MayNameSecrets>();
  /** Writing and cleaning up take turns: cleaning up must not delete what was just written. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: SecretStore, inUse: () => Iterable<MayNameSecrets>) {
    this.#store = store;
    this.#inUse = inUse;
    this.redactor = new Redactor(() => store.values());
  }

  /**
   * Writes the given values and checks that no other is missing. Values stay until they are released, or longer while a
   * worker uses them. Throws SECRET_NOT_FOUND, INVALID_INPUT, STATE_UNWRITABLE.
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

  /** Deletes secrets that no worker uses. */
  async collect(): Promise<void> {
    await this.#inTurn(async () => {
      const used = new Set([...this.#inUse(), ...this.#held].flatMap(secretsOf));
      for (const { name } of await this.#store.list()) if (!used.has(name)) await this.#store.delete(name);
    });
  }

  /**
   * Replaces references to secrets in variables with their values. Only secrets that the worker itself names are
   * allowed: its type may not request others. Throws SECRET_NOT_FOUND.
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

  /** If a log cannot be scrubbed, it is left unchanged and redacted when shown. */
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
