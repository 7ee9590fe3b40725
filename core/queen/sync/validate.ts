/** Checks hives.conf and the machines it declares. Failures are results, not errors. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, pickHives } from '../../config/hives-conf.ts';
import { singleErrors } from '../../config/toml.ts';
import type {
  DeclaredType,
  DesiredHive,
  HiveDeclaration,
  SshTestResult,
  SyncCheck,
  ValidationReport,
} from '../../contract/api/sync.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { neededTypes, type ResolveType } from '../../sync/desired.ts';
import type { JobContext } from '../jobs/jobs.ts';

export interface ValidateOptions {
  context: JobContext;
  /** Reads the file. Null: no file. */
  load: () => HivesConf | null;
  adopt: (conf: HivesConf) => void;
  test: (alias: string) => Promise<SshTestResult>;
  resolve: ResolveType;
  /** Explains why a type is unavailable, with its place in the file. */
  explain: (file: string, error: RbeeError, hive: string, wanted: DeclaredType) => Promise<RbeeError>;
  /** What workers require and cannot get, by hive. */
  unsatisfiable: (
    file: string,
    hives: readonly HiveDeclaration[],
    resolved: readonly Resolved[],
  ) => Promise<ReadonlyMap<string, readonly RbeeError[]>>;
}

type Resolved = Pick<DesiredHive, 'alias' | 'types'>;

interface Input {
  hives?: string[];
  offline?: boolean;
}

export const validate = async (
  file: string,
  { hives, offline = false }: Input,
  { context, load, adopt, test, resolve, explain, unsatisfiable }: ValidateOptions,
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
    const found = load();
    if (!found) throw RbeeError.of('NO_HIVES_CONF', { file });
    const picked = pickHives(found, hives);
    const text = `${file} is in order: ${picked.length === 1 ? '1 hive' : `${picked.length} hives`}`;
    return { value: { ...found, picked }, text };
  });
  if (!conf) return report();
  adopt(conf);
  const types = await resolveTypes(
    conf.picked,
    check,
    async (type, version) => {
      try {
        return await resolve(type, version);
      } catch (error) {
        signal.throwIfAborted();
        return asRbeeError(error, 'the resolving of versions');
      }
    },
    (error, hive, wanted) => explain(conf.file, error, hive, wanted),
  );
  for (const [hive, problems] of await unsatisfiable(conf.file, conf.picked, types)) {
    for (const error of problems) {
      checks.push({ check: 'run', hive, state: 'failed', text: error.message, error: error.toJSON(), ms: 0 });
    }
  }
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

/** Resolves each version once. A failure is reported at every place that asks for the version. */
const resolveTypes = async (
  hives: readonly HiveDeclaration[],
  check: Check,
  resolve: (type: string, version: string) => Promise<Awaited<ReturnType<ResolveType>> | RbeeError>,
  explain: (error: RbeeError, hive: string, wanted: DeclaredType) => Promise<RbeeError>,
): Promise<Resolved[]> => {
  const places = hives.flatMap((hive) => neededTypes(hive).map((wanted) => ({ hive: hive.alias, wanted })));
  const resolved = new Map<string, DesiredHive['types'][number][]>();
  const same = Map.groupBy(places, ({ wanted: { type, version } }) => `${type}@${version}`);
  await Promise.all(
    [...same.values()].map(async (all) => {
      const { type, version } = all[0]!.wanted;
      const found = await resolve(type, version);
      if (!(found instanceof RbeeError)) {
        const text = `${type} ${version} is ${found.package} ${found.version}`;
        await check('types', null, async () => ({ value: found, text }));
        for (const { hive, wanted } of all) {
          const one = { type, ...found, variant: wanted.variant };
          resolved.set(hive, [...(resolved.get(hive) ?? []), one]);
        }
        return;
      }
      for (const { hive, wanted } of all) {
        await check('types', hive, async () => {
          throw await explain(found, hive, wanted);
        });
      }
    }),
  );
  return [...resolved].map(([alias, types]) => ({ alias, types }));
};

/** Resolves the host name as ssh does. Behind a jump host, the jump host resolves it. */
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

type Check = <Value>(
  name: string,
  hive: string | null,
  look: () => Promise<{ value: Value; text: string }>,
) => Promise<Value | null>;

const checker =
  (checks: SyncCheck[], signal: AbortSignal): Check =>
  async (name, hive, look) => {
    const began = performance.now();
    const about = () => ({ check: name, hive, ms: Math.round(performance.now() - began) });
    try {
      const { value, text } = await look();
      checks.push({ ...about(), state: 'ok', text, error: null });
      return value;
    } catch (thrown) {
      signal.throwIfAborted();
      for (const error of singleErrors(asRbeeError(thrown, 'the check'))) {
        checks.push({ ...about(), state: 'failed', text: error.message, error: error.toJSON() });
      }
      return null;
    }
  };
