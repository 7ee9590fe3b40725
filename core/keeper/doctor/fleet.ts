/** What the queen knows: hives, devices, worker types, workers that failed. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { CatalogEntry, HiveDevices } from '../../contract/api/hive-api.ts';
import type { FleetStatus, HiveView } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { type Check, fail, ok, warn } from './check.ts';

export const checkFleet = async (queen: QueenClient): Promise<Check[]> => {
  const { hives, workers } = await queen.get<FleetStatus>('/v1/status');
  const online = hives.filter(({ status }) => status === 'online');
  const devices = await Promise.all(online.map((hive) => checkDevices(queen, hive)));
  const failed = workers.filter(({ state }) => state === 'failed' || state === 'unhealthy');
  return [
    ...hives.map(checkHive),
    ...devices.flat(),
    ...(await checkTypes(queen)),
    ...failed.map(({ id, failure }) =>
      warn('worker', `${id} failed: ${failure?.message ?? 'unknown'}`, failure?.hint ?? `rbee worker get ${id}`),
    ),
  ];
};

const checkHive = ({ alias, status, reason, hostname }: HiveView): Check => {
  const name = `hive ${alias}`;
  if (status === 'online') return ok(name, `online (${hostname})`);
  if (status === 'stopped') return warn(name, reason ?? 'stopped', `rbee hive start ${alias}`);
  if (status === 'faulty') return fail(name, reason ?? 'faulty', `check its machine, then: rbee hive restart ${alias}`);
  return fail(name, reason ?? 'unreachable', `rbee hive status ${alias}`);
};

const checkDevices = async (queen: QueenClient, { alias }: HiveView): Promise<Check[]> => {
  const name = `devices of ${alias}`;
  let answer: HiveDevices;
  try {
    answer = await queen.get<HiveDevices>(`/v1/hives/${encodeURIComponent(alias)}/devices`);
  } catch (error) {
    // One hive that does not answer must not hide the problems of others.
    if (!(error instanceof RbeeError)) throw error;
    return [fail(name, error.message, error.hint)];
  }
  const { devices, notes } = answer;
  const broken = devices.filter(({ fault }) => fault !== undefined);
  // A machine needs no GPU, so a missing device is only a note.
  const aside = notes.length > 0 ? ` (${notes.join('; ')})` : '';
  return [
    ok(name, `${devices.map(({ id }) => id).join(' ')}${aside}`),
    ...broken.map(({ id, fault }) => warn(name, `${id}: ${fault}`, 'fix the driver, then run: rbee hive devices')),
  ];
};

const checkTypes = async (queen: QueenClient): Promise<Check[]> => {
  const { types } = await queen.get<{ types: (CatalogEntry & { hive: string })[] }>('/v1/catalog');
  if (types.length === 0)
    return [warn('worker types', 'none is installed', 'install one, such as @rbee/worker-llamacpp')];
  return types.map(({ type, plugin, version, fault, hive }) => {
    const where = `${type} on ${hive}`;
    return fault === undefined
      ? ok('worker type', `${where}: ${plugin} ${version}`)
      : fail('worker type', `${where}: ${fault}`, 'report this to the author of the plugin, or use another version');
  });
};

/** The built-in engine of the type always works, but llama.cpp's own server is faster. */
export const checkLlamaServer = (env: NodeJS.ProcessEnv): Check[] => {
  const name = 'llama-server';
  const named = env['RBEE_LLAMA_SERVER'];
  if (named)
    return [
      isProgram(named)
        ? ok(name, named)
        : fail(name, `RBEE_LLAMA_SERVER is set to ${named}, which cannot be run`, 'correct or unset it'),
    ];
  const found = (env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder || '.', name))
    .find(isProgram);
  if (found !== undefined) return [ok(name, found)];
  return [ok(name, 'not found on the PATH; the built-in engine is used (to use another, set RBEE_LLAMA_SERVER)')];
};

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
