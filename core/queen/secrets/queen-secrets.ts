/** The queen's secrets: where they are stored, and how they reach the hives of the workers that use them. */
import { join } from 'node:path';
import type { Paths } from '../../config/paths.ts';
import { RbeeError } from '../../contract/errors.ts';
import { type MayNameSecrets, secretNamePattern, secretsOf } from '../../contract/secret-reference.ts';
import { sweepUnfinished } from '../../lifecycle/system/sweep-unfinished.ts';
import { didYouMean } from '../../narration/near.ts';
import { Redactor } from '../../secrets/redaction.ts';
import { SecretStore } from '../../secrets/store.ts';
import type { HiveCall, HiveClient } from '../fleet/hive-connection.ts';
import { Grants } from './grants.ts';

type Values = Readonly<Record<string, string>>;

export class QueenSecrets {
  readonly store: SecretStore;
  readonly redactor: Redactor;
  readonly #grants: Grants;

  constructor({ data, state }: Pick<Paths, 'data' | 'state'>) {
    this.store = new SecretStore(join(data, 'secrets'));
    this.redactor = new Redactor(() => this.store.values());
    this.#grants = new Grants(join(state, 'secret-grants.json'));
  }

  async start(): Promise<void> {
    await sweepUnfinished(this.store.folder);
    await Promise.all([this.store.load(), this.#grants.load()]);
  }

  /**
   * Checks the secrets before anything is downloaded or started. Errors: SECRET_NOT_FOUND, FILE_NOT_PRIVATE,
   * FILE_UNREADABLE.
   */
  async check(spec: MayNameSecrets): Promise<void> {
    await this.#values(secretsOf(spec));
  }

  /** Checks the secrets that a worker was spawned with, before it is stopped or anything is downloaded. */
  async checkAgain(hive: string, worker: string): Promise<void> {
    await this.#values(this.#grants.of(hive, worker));
  }

  /** The errors of `check`, one for each secret. */
  async problems(spec: MayNameSecrets): Promise<RbeeError[]> {
    const checks = await Promise.allSettled(secretsOf(spec).map((name) => this.#values([name])));
    return checks.flatMap((check) => {
      if (check.status === 'fulfilled') return [];
      if (check.reason instanceof RbeeError) return [check.reason];
      throw check.reason;
    });
  }

  /** Wraps the client of a hive: adds the secrets that each worker was given, and no others. */
  client(hive: string, client: HiveClient): HiveClient {
    const along = async <Call extends HiveCall>(call: Call | undefined, names: readonly string[]): Promise<Call> => {
      const given = { ...call } as Call;
      return names.length === 0 ? given : { ...given, secrets: await this.#values(names) };
    };
    const again = async <Call extends HiveCall>(id: string, call: Call | undefined): Promise<Call> =>
      along(call, this.#grants.of(hive, id));
    return {
      ...client,
      spawn: async (spec, call) => {
        const names = secretsOf(spec);
        const worker = await client.spawn(spec, await along(call, names));
        await this.#grants.set(hive, worker.id, names);
        return worker;
      },
      start: async (id, call) => client.start(id, await again(id, call)),
      restart: async (id, call) => client.restart(id, await again(id, call)),
      delete: async (id, call) => {
        const worker = await client.delete(id, call);
        await this.#grants.set(hive, worker.id, []);
        return worker;
      },
    };
  }

  async #values(names: readonly string[]): Promise<Values> {
    const isName = new RegExp(secretNamePattern);
    const values: [string, string][] = [];
    for (const name of names) {
      const value = isName.test(name) ? await this.store.get(name) : undefined;
      if (value === undefined) throw await this.notFound(name);
      values.push([name, value]);
    }
    return Object.fromEntries(values);
  }

  async notFound(name: string): Promise<RbeeError> {
    const known = (await this.store.list()).map((entry) => entry.name);
    return RbeeError.of('SECRET_NOT_FOUND', { secret: name.slice(0, 80), near: didYouMean(name, known) });
  }
}
