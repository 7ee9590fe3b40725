/** Who uses a secret: workers that are there, and entries of hives.conf. */
import type { HivesConf } from '../../config/hives-conf.ts';
import { type SecretUse, secretsOf } from '../../contract/secret-reference.ts';
import type { Fleet } from '../fleet/fleet.ts';

/** By the name of the secret. */
export const secretUses = (fleet: Fleet, conf: HivesConf | null): Map<string, SecretUse[]> => {
  const uses = new Map<string, SecretUse[]>();
  const add = (names: readonly string[], use: SecretUse): void => {
    for (const name of names) uses.set(name, [...(uses.get(name) ?? []), use]);
  };
  for (const { connection, workers } of fleet.members()) {
    for (const { id, state, spec } of workers.values()) {
      if (spec) add(secretsOf(spec), { kind: 'worker', hive: connection.alias, worker: id, state });
    }
  }
  for (const { alias, run } of conf?.hives ?? []) {
    for (const entry of run) {
      add(secretsOf(entry), { kind: 'declared', hive: alias, type: entry.type, line: entry.line });
    }
  }
  return uses;
};
