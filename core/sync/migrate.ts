/** Writes a `hives.conf` from the present state, so that a sync with it has nothing to do. */
import { localAlias } from '../config/hive-entry.ts';
import { parseHivesConf } from '../config/hives-conf.ts';
import { formatToml } from '../config/toml.ts';
import type { HiveDeclaration, MigrationResult, ObservedHive, ObservedWorker } from '../contract/api/sync.ts';
import { RbeeError } from '../contract/errors.ts';
import { parseModelReference } from '../contract/model-reference.ts';
import { defaultHivePort, defaultWorkerPorts } from '../contract/ports.ts';
import type { WorkerSpec } from '../contract/worker.ts';
import { fingerprint } from './fingerprint.ts';

/** Address of a machine, which observing it does not reveal. */
export type Address = Pick<
  HiveDeclaration,
  | 'hostname'
  | 'sshUser'
  | 'sshPort'
  | 'hivePort'
  | 'workerPorts'
  | 'autoStart'
  | 'identityFile'
  | 'proxyJump'
  | 'labels'
>;

export interface Migrant {
  observed: ObservedHive;
  /** Null for the queen's machine, and for a machine of which only the alias is known. */
  address: Address | null;
}

const head = `# Written by rbee migrate from what was there. What every key means: rbee docs hives
`;

/** Machines that do not answer get only their address, and are listed in the notes. */
export const migrate = (migrants: readonly Migrant[], file = 'hives.conf'): MigrationResult => {
  const notes: string[] = [];
  const ids = new Set<string>();
  const parts = migrants.map((migrant) => soundEntry(migrant, { notes, ids }, file));
  const text = [head, ...parts.map(({ text }) => text)].join('\n');
  // The result must be as valid as a file that a person writes.
  parseHivesConf(text, file);
  const sum = (key: 'types' | 'workers') => parts.reduce((total, part) => total + part[key], 0);
  return { text, hives: parts.length, types: sum('types'), workers: sum('workers'), notes };
};

/**
 * A hive may report values that the file cannot hold, such as an invalid type name. Then its entry has its address
 * only, and other entries are unaffected.
 */
const soundEntry = (migrant: Migrant, found: Findings, file: string): Entry => {
  const own: Findings = { notes: [], ids: new Set(found.ids) };
  const take = (entry: Entry): Entry => {
    parseHivesConf(entry.text, file);
    found.notes.push(...own.notes);
    for (const id of own.ids) found.ids.add(id);
    return entry;
  };
  try {
    return take(entryOf(migrant, own));
  } catch (error) {
    if (!(error instanceof RbeeError)) throw error;
    const { observed } = migrant;
    own.ids = new Set(found.ids);
    own.notes = [
      `hive ${observed.alias} reports values that cannot be written (${error.message}): only its address is written`,
    ];
    return take(entryOf({ ...migrant, observed: { ...observed, types: [], models: [], workers: [] } }, own));
  }
};

interface Entry {
  text: string;
  types: number;
  workers: number;
}

interface Findings {
  notes: string[];
  /** Ids of the workers written so far. */
  ids: Set<string>;
}

const entryOf = ({ observed, address }: Migrant, found: Findings): Entry => {
  const { alias, status } = observed;
  const { notes } = found;
  const isLocal = alias === localAlias;
  if (status !== 'online') notes.push(`hive ${alias} is ${status}: its contents could not be read`);
  const types = observed.types.filter(({ source }) => source === 'installed');
  for (const { type, source } of observed.types) {
    if (source !== 'installed') notes.push(`hive ${alias}: ${type} is a ${source} plugin there and is not written`);
  }
  const workers = observed.workers.flatMap((worker) => {
    const fields = runOf(worker, observed, found);
    return fields ? [fields] : [];
  });
  const models = observed.models.filter(({ model, complete }) => complete && model !== 'demo' && isWritable(model));
  const fields = {
    alias,
    ...(isLocal || !address ? {} : addressFields(alias, address)),
    ...(types.length > 0 && { workers: types.flatMap(typeFields) }),
    ...(models.length > 0 && { models: models.map(({ model }) => model) }),
  };
  const run = workers.map((fields) => `\n[[hive.run]]\n${plain(fields)}`).join('');
  return { text: `[[hive]]\n${plain(fields)}${run}`, types: types.length, workers: workers.length };
};

/** Only values that differ from the defaults. */
const addressFields = (alias: string, address: Address): Record<string, unknown> => ({
  ...(address.hostname !== alias && { hostname: address.hostname }),
  ...(address.sshUser !== null && { ssh_user: address.sshUser }),
  ...(address.sshPort !== null && { ssh_port: address.sshPort }),
  ...(address.hivePort !== defaultHivePort && { hive_port: address.hivePort }),
  ...(address.workerPorts !== defaultWorkerPorts && { worker_ports: address.workerPorts }),
  ...(!address.autoStart && { auto_start: false }),
  ...(address.identityFile !== null && { identity_file: address.identityFile }),
  ...(address.proxyJump !== null && { proxy_jump: address.proxyJump }),
  ...(Object.keys(address.labels).length > 0 && { labels: address.labels }),
});

const typeFields = ({ type, version, variants }: ObservedHive['types'][number]): Record<string, unknown>[] =>
  variants.length === 0 ? [{ type, version }] : variants.map((variant) => ({ type, version, variant }));

/** A worker as it was spawned. Stopped workers, and those with an unknown spec, cannot be declared. */
const runOf = (
  worker: ObservedWorker,
  { alias, types }: ObservedHive,
  { notes, ids }: Findings,
): Record<string, unknown> | null => {
  const { id, spec, state } = worker;
  const why = spec === null ? 'does not report how it was spawned' : unwritable(worker, spec, ids);
  if (why !== undefined || spec === null) {
    notes.push(`hive ${alias}: worker ${id} ${why} and is not written`);
    return null;
  }
  ids.add(id);
  const own = { ...spec, type: worker.type };
  const version = types.find(({ type }) => type === worker.type)?.version;
  if (worker.declaration !== null && worker.declaration !== fingerprint(own)) {
    notes.push(`hive ${alias}: worker ${id} has a changed declaration; the next sync replaces it once`);
  } else if (version !== worker.pluginVersion) {
    notes.push(
      `hive ${alias}: worker ${id} uses ${worker.type} ${worker.pluginVersion}; the next sync replaces it once`,
    );
  } else if (state === 'unhealthy') notes.push(`hive ${alias}: worker ${id} is unhealthy`);
  const { type, model, name, variant, device, options, environment, components, restart, memoryLimit, cpuLimit } = own;
  const fields = { type, id, model, name, variant, device, options, environment, components, restart };
  return { ...fields, memory_limit: memoryLimit, cpu_limit: cpuLimit };
};

/** Why a worker cannot be written, or undefined. */
const unwritable = ({ id, state }: ObservedWorker, spec: WorkerSpec, ids: ReadonlySet<string>): string | undefined => {
  if (state === 'stopped' || state === 'failed') return `is ${state}`;
  if (id.length > maxIdLength) return `has an id of more than ${maxIdLength} characters`;
  if (ids.has(id)) return 'has the id of a worker on another hive';
  const models = [spec.model ?? 'demo', ...Object.values(spec.components ?? {})];
  if (!models.every(isWritable)) return 'has a model with a relative path';
  return Object.values(spec.options ?? {}).every(isToml) ? undefined : 'has options that TOML cannot hold';
};

/** Maximum length of an entry's `id`. */
const maxIdLength = 56;

/** A relative path means something else on every machine. */
const isWritable = (model: string): boolean => {
  try {
    const reference = parseModelReference(model);
    return reference.kind !== 'file' || reference.path.startsWith('/');
  } catch {
    return false;
  }
};

const isToml = (value: unknown): boolean => {
  if (value === null || value === undefined) return false;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isToml);
  return typeof value !== 'object' || Object.values(value).every(isToml);
};

/** One line per key: tables within an entry are inline. */
const plain = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined && !isEmpty(value))
    .map(([key, value]) => `${key} = ${inline(value)}\n`)
    .join('');

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const inline = (value: unknown): string => {
  if (Array.isArray(value)) {
    const items = value.map(inline);
    return items.some((item) => item.startsWith('{'))
      ? `[\n${items.map((item) => `  ${item},\n`).join('')}]`
      : `[${items.join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, one]) => pair(key, one));
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  return pair('x', value).slice('x = '.length);
};

const pair = (key: string, value: unknown): string => {
  const isTable = typeof value === 'object' && value !== null;
  const written = formatToml({ [key]: isTable ? 0 : value }).trimEnd();
  return isTable ? written.slice(0, -1) + inline(value) : written;
};
