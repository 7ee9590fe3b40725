/** What can be said of a `hives.conf` without a network: is it right, and do its versions and worker types make sense? */
import { loadHivesConf } from '../config/hives-conf.ts';
import { asRbeeError, RbeeError } from '../contract/errors.ts';
import type { HiveDeclaration, SyncCheck, ValidationReport } from '../contract/sync.ts';
import { nearest } from '../narration/near.ts';
import { neededTypes } from './desired.ts';

export interface OfflineChecks {
  report: ValidationReport;
  /** For the checks that need a network; empty where the file is wrong. */
  hives: readonly HiveDeclaration[];
}

/** `knownTypes` are those that are installed here; a type that is none of them may still be in the registry. */
export const validateOffline = (file: string, knownTypes: readonly string[]): OfflineChecks => {
  const began = performance.now();
  const about = { check: 'file', hive: null } as const;
  const ms = () => Math.round(performance.now() - began);
  try {
    const conf = loadHivesConf(file);
    if (!conf) throw RbeeError.of('NO_HIVES_CONF', { file });
    const { hives } = conf;
    const workers = hives.reduce((sum, { run }) => sum + run.reduce((all, { replicas }) => all + replicas, 0), 0);
    const text = `${hives.length} hives and ${workers} workers are declared`;
    const checks = [
      { ...about, state: 'ok', text, error: null, ms: ms() } as SyncCheck,
      ...typeChecks(hives, knownTypes),
    ];
    return { report: reportOf(file, checks), hives };
  } catch (thrown) {
    const error = asRbeeError(thrown, 'the check of the file').toJSON();
    return { report: reportOf(file, [{ ...about, state: 'failed', text: error.message, error, ms: ms() }]), hives: [] };
  }
};

/** A report of these checks; only what failed makes a file invalid. */
export const reportOf = (config: string, checks: readonly SyncCheck[]): ValidationReport => ({
  config,
  valid: checks.every(({ state }) => state !== 'failed'),
  checks,
});

/** A type that is not here and looks like one that is, is a slip more often than not. */
const typeChecks = (hives: readonly HiveDeclaration[], known: readonly string[]): SyncCheck[] =>
  hives.flatMap((hive) =>
    neededTypes(hive)
      .filter(({ type }, index, all) => !known.includes(type) && all.findIndex((one) => one.type === type) === index)
      .map(({ type }): SyncCheck => {
        const near = nearest(type, known)[0];
        const hint = near === undefined ? '' : `; did you mean ${near}?`;
        const text = `the worker type ${type} is not installed here: whether there is one, the registry will tell${hint}`;
        return {
          check: 'types',
          hive: hive.alias,
          state: near === undefined ? 'skipped' : 'warning',
          text,
          error: null,
          ms: 0,
        };
      }),
  );
