/** Other machines: is hives.conf valid, can they be reached, do they run this version? */
import { existsSync } from 'node:fs';
import { hivesConfFile, loadHivesConf } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import { singleErrors } from '../../config/toml.ts';
import type { JobEvent } from '../../contract/api/narration.ts';
import type { HiveView } from '../../contract/api/queen-api.ts';
import type { SyncCheck } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { isOlder } from '../version-order.ts';
import { counted } from '../views/counted.ts';
import { renewal } from '../views/hives.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** The file alone. */
export const checkHivesConf = (paths: Paths): Check[] => {
  const file = hivesConfFile(paths);
  if (!existsSync(file)) return [ok('hives.conf', `${file} (not found; only this machine is used)`)];
  try {
    const hives = loadHivesConf(file, paths)?.hives ?? [];
    return [ok('hives.conf', `${file} (${counted(hives.length, 'hive')})`)];
  } catch (error) {
    if (error instanceof RbeeError) return singleErrors(error).map((one) => fail('hives.conf', one.message, one.hint));
    throw error;
  }
};

export interface MachinesOptions {
  queen: QueenClient;
  paths: Paths;
  /** Socket of the SSH agent. */
  agent: string | undefined;
  /** Version of this command line. */
  ours: string;
  /** Total time to wait for the machines. */
  timeoutMs?: number;
}

/** What the queen finds on each machine; nothing if only this machine is declared. */
export const checkMachines = async ({
  queen,
  paths,
  agent,
  ours,
  timeoutMs = 60_000,
}: MachinesOptions): Promise<Check[]> => {
  const { hives } = await queen.get<{ hives: HiveView[] }>('/v1/hives');
  return [...hives.flatMap((hive) => checkVersion(hive, ours)), ...(await reach(queen, paths, agent, timeoutMs))];
};

const checkVersion = ({ alias, mode, version }: HiveView, ours: string): Check[] => {
  if (mode !== 'ssh' || version === null) return [];
  const name = `version of ${alias}`;
  if (isOlder(version, ours)) return [warn(name, `rbee ${version}, older than this ${ours}`, renewal(mode, alias))];
  return [ok(name, `rbee ${version}`)];
};

const reach = async (
  queen: QueenClient,
  paths: Paths,
  agent: string | undefined,
  timeoutMs: number,
): Promise<Check[]> => {
  if (!declaresOthers(paths)) return [];
  // The doctor changes nothing: it does not accept new host keys, and asks no questions.
  let job = '';
  const refuse = (event: JobEvent) => {
    if (event.kind === 'ask') void queen.answerJob(job, event.id, event.secret ? '' : 'no').catch(() => {});
  };
  const { checks } = await queen.runOperation('package_validate', agent === undefined ? {} : { agent }, {
    signal: AbortSignal.timeout(timeoutMs),
    onStarted: (id) => {
      job = id;
    },
    onEvent: refuse,
  });
  return checks.flatMap(asCheck);
};

/** `checkHivesConf` reports an unreadable file. */
const declaresOthers = (paths: Paths): boolean => {
  try {
    return (loadHivesConf(hivesConfFile(paths), paths)?.hives ?? []).some(({ alias }) => alias !== 'local');
  } catch {
    return false;
  }
};

const asCheck = ({ check, hive, state, text, error }: SyncCheck): Check[] => {
  const name = hive === null ? check : `${hive} ${check}`;
  const hint = error?.hint ?? 'rbee validate';
  if (state === 'skipped') return [];
  if (state === 'ok') return [ok(name, text)];
  return [state === 'warning' ? warn(name, text, hint) : fail(name, text, hint)];
};
