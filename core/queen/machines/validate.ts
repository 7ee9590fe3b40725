/** Is hives.conf right, and are its machines there? Every question is a check of its own; none of them is an error. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, loadHivesConf, pickHives } from '../../config/hives-conf.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import type { SshTestResult, SyncCheck, ValidationReport } from '../../contract/sync.ts';
import { neededTypes } from '../../sync/desired.ts';
import type { JobContext } from '../jobs/jobs.ts';

export interface ValidateOptions {
  context: JobContext;
  adopt: (conf: HivesConf) => void;
  test: (alias: string) => Promise<SshTestResult>;
  resolve: (type: string, range: string) => Promise<{ package: string; version: string }>;
}

interface Input {
  hives?: string[];
  offline?: boolean;
}

export const validate = async (
  file: string,
  { hives, offline = false }: Input,
  { context, adopt, test, resolve }: ValidateOptions,
): Promise<ValidationReport> => {
  const { signal } = context;
  const checks: SyncCheck[] = [];
  const report = (): ValidationReport => ({
    config: file,
    valid: checks.every(({ state }) => state !== 'failed'),
    checks,
  });
  const check = checker(checks, signal);
  const conf = await check('file', null, async () => {
    const found = loadHivesConf(file);
    if (!found) throw RbeeError.of('NO_HIVES_CONF', { file });
    const picked = pickHives(found, hives);
    const text = `${file} is in order: ${picked.length === 1 ? '1 hive' : `${picked.length} hives`}`;
    return { value: { ...found, picked }, text };
  });
  if (!conf) return report();
  adopt(conf);
  const types = new Map(
    conf.picked.flatMap((hive) => neededTypes(hive).map((one) => [`${one.type}@${one.version}`, one])),
  );
  await Promise.all(
    [...types.values()].map(({ type, version }) =>
      check('types', null, async () => {
        const found = await resolve(type, version);
        return { value: found, text: `${type} ${version} is ${found.package} ${found.version}` };
      }),
    ),
  );
  const remote = conf.picked.filter(({ alias }) => alias !== localAlias);
  if (offline) {
    for (const { alias } of remote) {
      checks.push({ check: 'ssh', hive: alias, state: 'skipped', text: 'not tried: --offline', error: null, ms: 0 });
    }
    return report();
  }
  await Promise.all(
    remote.map(async ({ alias }) => {
      const began = performance.now();
      const tested = await test(alias);
      checks.push(await dnsCheck(tested, performance.now() - began), ...tested.checks);
    }),
  );
  return report();
};

/** The name as ssh understands it; a machine behind a jump host has its name looked up there. */
const dnsCheck = async ({ hive, hostname, jumps }: SshTestResult, ms: number): Promise<SyncCheck> => {
  const about = { check: 'dns', hive, error: null, ms: Math.round(ms) };
  if (jumps.length > 0) return { ...about, state: 'skipped', text: `${hostname} is looked up by its jump host` };
  if (isIP(hostname)) return { ...about, state: 'ok', text: `${hostname} is an address` };
  try {
    const { address } = await lookup(hostname);
    return { ...about, state: 'ok', text: `${hostname} is ${address}` };
  } catch (error) {
    return { ...about, state: 'failed', text: `${hostname} cannot be looked up: ${(error as Error).message}` };
  }
};

const checker =
  (checks: SyncCheck[], signal: AbortSignal) =>
  async <Value>(
    name: string,
    hive: string | null,
    look: () => Promise<{ value: Value; text: string }>,
  ): Promise<Value | null> => {
    const began = performance.now();
    const about = () => ({ check: name, hive, ms: Math.round(performance.now() - began) });
    try {
      const { value, text } = await look();
      checks.push({ ...about(), state: 'ok', text, error: null });
      return value;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asRbeeError(thrown, 'the check');
      checks.push({ ...about(), state: 'failed', text: error.message, error: error.toJSON() });
      return null;
    }
  };
