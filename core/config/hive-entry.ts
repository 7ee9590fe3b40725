/** One `[[hive]]` of `hives.conf`: its keys, and those of the tables in it. */
import semver from 'semver';
import type { DeclaredRun, DeclaredType, HiveDeclaration } from '../contract/api/sync.ts';
import { formatDevice, parseDevice } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import { formatModelReference, parseModelReference } from '../contract/model-reference.ts';
import { defaultHivePort, defaultWorkerPorts } from '../contract/ports.ts';
import { variablePattern } from '../contract/secret-reference.ts';
import { servedNamePattern } from '../contract/worker.ts';
import { parseBytes } from '../narration/quantities.ts';
import { bool, type Check, integer, isTable, number, oneOf, portRange, text, written } from './checks.ts';
import { eachOf, readFields, type TableRules } from './read-fields.ts';
import { shown, type TomlDocument } from './toml.ts';
import type { TomlPath } from './toml-positions.ts';
import { typeName } from './type-names.ts';

/** The alias of the queen's own machine. */
export const localAlias = 'local';

/** A hive of the file, with the positions of its list entries. Invalid entries are left out. */
export interface ReadHive {
  path: TomlPath;
  hive: HiveDeclaration;
  places: Readonly<Record<'workers' | 'models' | 'run', readonly TomlPath[]>>;
}

/** Reads the entry at `path`; null when it has no usable alias. Problems are reported to the document. */
export const readHive = (document: TomlDocument, path: TomlPath, value: unknown): ReadHive | null => {
  const fields = readFields(document, path, value, hiveRules);
  // Its lists are read anyway, to report their problems too.
  const lists = isTable(value) ? value : {};
  const workers = readEach(document, lists, [...path, 'workers'], readType);
  const models = readEach(document, lists, [...path, 'models'], readModel);
  const run = readEach(document, lists, [...path, 'run'], readRun);
  if (fields['alias'] === undefined) return null;
  const alias = String(fields['alias']);
  if (alias === localAlias) refuseSsh(document, path, fields);
  const string = (key: string): string | null => (fields[key] as string | undefined) ?? null;
  const hive: HiveDeclaration = {
    alias,
    hostname: (string('hostname') ?? (alias === localAlias ? 'localhost' : alias)).replace(/^\[(.*)\]$/, '$1'),
    sshUser: string('ssh_user'),
    sshPort: (fields['ssh_port'] as number | undefined) ?? null,
    hivePort: (fields['hive_port'] as number | undefined) ?? defaultHivePort,
    workerPorts: string('worker_ports') ?? defaultWorkerPorts,
    autoStart: (fields['auto_start'] as boolean | undefined) ?? true,
    identityFile: string('identity_file'),
    proxyJump: string('proxy_jump')?.replace(/\s+/g, '') ?? null,
    labels: (fields['labels'] as Record<string, string> | undefined) ?? {},
    workers: workers.read,
    models: models.read,
    run: run.read,
    line: document.positions.at(path).line,
  };
  return { path, hive, places: { workers: workers.places, models: models.places, run: run.places } };
};

interface Entry {
  value: unknown;
  path: TomlPath;
}

/** The valid entries of the list at `path`. */
const readEach = <One>(
  document: TomlDocument,
  table: Readonly<Record<string, unknown>>,
  path: TomlPath,
  read: (document: TomlDocument, entry: Entry) => One | null,
): { read: One[]; places: TomlPath[] } => {
  const found: { read: One[]; places: TomlPath[] } = { read: [], places: [] };
  for (const entry of eachOf(table[path.at(-1)!], path)) {
    const one = read(document, entry);
    if (one === null) continue;
    found.read.push(one);
    found.places.push(entry.path);
  }
  return found;
};

const list: Check = (value) => (Array.isArray(value) ? undefined : 'must be a list');
const table: Check = (value) => (isTable(value) ? undefined : 'must be a table');
const texts: Check = (value) =>
  isTable(value) && Object.values(value).every((one) => typeof one === 'string')
    ? undefined
    : 'must be a table of strings such as { room = "lab" }';
const variables: Check = (value) =>
  isTable(value) &&
  Object.entries(value).every(([name, one]) => typeof one === 'string' && new RegExp(variablePattern).test(name))
    ? undefined
    : 'must be a table of variables such as { HF_TOKEN = "secret:hf-token" }';
const word = written(/^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/, 'a word of lower-case letters, digits and dashes');
const type: Check = (value) =>
  typeof value === 'string' && word(typeName(value)) === undefined ? undefined : 'must be the name of a worker type';
const port = integer(1, 65535, 'a port');

/** Rejects everything that ssh could take for a flag, or a shell for more than a name. */
const hostname: Check = (value) => {
  if (typeof value !== 'string' || value === '') return 'must be a name or an address';
  if (value.includes('@')) return 'must not contain a user; set ssh_user instead';
  if (/^[^:]+:\d+$/.test(value)) return 'must not contain a port; set ssh_port instead';
  const isName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(value);
  const isAddress = /^\[?[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?\]?$/.test(value) && value.includes(':');
  return isName || isAddress ? undefined : 'must be a name or an address';
};

const version: Check = (value) => {
  if (typeof value !== 'string') return 'must be a string such as "latest", "^1" or "1.2.3"';
  const isRange = value.trim() !== '' && semver.validRange(value) !== null;
  return isRange || /^[a-z][a-z0-9.-]*$/i.test(value) ? undefined : 'must be a version, a range or a tag';
};

const hiveRules: TableRules = {
  what: 'hive',
  where: '[[hive]]',
  needed: ['alias'],
  fields: {
    alias: written(
      /^[a-z0-9][a-z0-9._-]{0,62}$/,
      'a name of up to 63 lower-case letters, digits and ._-, which begins with a letter or digit',
    ),
    hostname,
    ssh_user: written(/^[^\s\p{Cc}-][^\s\p{Cc}]*$/u, 'the name of a user'),
    ssh_port: port,
    hive_port: port,
    worker_ports: portRange,
    auto_start: bool,
    identity_file: written(/^(?:\/|~\/)[^\n]+$/, 'a path that begins with / or ~/'),
    proxy_jump: text,
    labels: texts,
    workers: list,
    models: list,
    run: list,
  },
};

const typeRules: TableRules = {
  what: 'entry of workers',
  where: 'workers',
  needed: ['type'],
  fields: { type, version, variant: word },
};

const runRules: TableRules = {
  what: 'entry of run',
  where: 'run',
  needed: ['type'],
  fields: {
    type,
    id: written(/^[a-z0-9][a-z0-9-]{0,55}$/, 'up to 56 lower-case letters, digits and dashes'),
    name: written(
      new RegExp(servedNamePattern),
      'up to 128 letters, digits and ._:/-, beginning with a letter or digit',
    ),
    model: text,
    variant: word,
    device: text,
    replicas: integer(0, 1000, 'a number of workers'),
    options: table,
    environment: variables,
    components: texts,
    restart: oneOf('never', 'on-failure', 'always'),
    memory_limit: (value) => {
      const bytes = bytesOf(value);
      return bytes !== undefined && bytes >= 1024 ** 2 ? undefined : 'must be a size such as "8GiB", at least 1MiB';
    },
    cpu_limit: number(0.01, 4096, 'a number of CPU cores'),
  },
};

const bytesOf = (value: unknown): number | undefined => {
  if (typeof value === 'string') return parseBytes(value);
  return Number.isInteger(value) ? (value as number) : undefined;
};

const readType = (document: TomlDocument, { value, path }: Entry): DeclaredType | null => {
  const fields = readFields(document, path, value, typeRules);
  if (fields['type'] === undefined) return null;
  return {
    type: typeName(String(fields['type'])),
    version: ((fields['version'] as string | undefined) ?? 'latest').trim(),
    variant: (fields['variant'] as string | undefined) ?? null,
    line: document.positions.at(path).line,
  };
};

/** A model reference, in the canonical form that hives use. */
const readModel = (document: TomlDocument, { value, path }: Entry): string | null => {
  if (typeof value !== 'string') {
    document.wrong(path, 'a model must be a string', 'write it like "hf:org/repo" or "file:/path"');
    return null;
  }
  const reference = understood(document, path, () => parseModelReference(value));
  if (reference?.kind === 'file' && !reference.path.startsWith('/')) {
    document.wrong(path, `"${value}" is not an absolute path`, 'a path on the machine begins with /');
    return null;
  }
  return reference && formatModelReference(reference);
};

const readRun = (document: TomlDocument, { value, path }: Entry): DeclaredRun | null => {
  const fields = readFields(document, path, value, runRules);
  const { type, model, device } = fields;
  for (const [name, option] of Object.entries((fields['options'] as object | undefined) ?? {})) {
    if (isJson(option)) continue;
    document.wrong(
      [...path, 'options', name],
      `option ${name} has an unsupported type`,
      'use a string, number, boolean or list',
    );
  }
  const string = (key: string): string | null => (fields[key] as string | undefined) ?? null;
  const run: DeclaredRun = {
    type: typeName(String(type)),
    id: string('id'),
    name: string('name'),
    model: model === undefined ? null : readModel(document, { value: model, path: [...path, 'model'] }),
    variant: string('variant'),
    device:
      device === undefined
        ? null
        : understood(document, [...path, 'device'], () => formatDevice(parseDevice(device as string))),
    replicas: (fields['replicas'] as number | undefined) ?? 1,
    options: (fields['options'] as Record<string, unknown> | undefined) ?? {},
    environment: (fields['environment'] as Record<string, string> | undefined) ?? {},
    components: readComponents(document, { value: fields['components'] ?? {}, path: [...path, 'components'] }),
    restart: (fields['restart'] as DeclaredRun['restart'] | undefined) ?? null,
    memoryLimit: bytesOf(fields['memory_limit']) ?? null,
    cpuLimit: (fields['cpu_limit'] as number | undefined) ?? null,
    line: document.positions.at(path).line,
  };
  return type === undefined ? null : run;
};

const readComponents = (document: TomlDocument, { value, path }: Entry): Record<string, string> => {
  const read: Record<string, string> = {};
  for (const [name, reference] of Object.entries(value as object)) {
    const at = [...path, name];
    const model = readModel(document, { value: reference, path: at });
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) {
      document.wrong(
        at,
        `${shown(name)} is not the name of a component`,
        'components are named like mmproj, vae, lora',
      );
    } else if (model !== null) read[name] = model;
  }
  return read;
};

/** The parsed value; if the contract rejects it, its message is reported with the position. */
const understood = <Result>(document: TomlDocument, path: TomlPath, read: () => Result): Result | null => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RbeeError)) throw error;
    document.wrong(path, error.message, error.hint);
    return null;
  }
};

const isJson = (value: unknown): boolean => {
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (isTable(value)) return Object.values(value).every(isJson);
  return typeof value === 'string' || typeof value === 'boolean';
};

/** The queen's own machine takes no SSH settings. */
const refuseSsh = (document: TomlDocument, path: TomlPath, fields: Readonly<Record<string, unknown>>): void => {
  const own = ['localhost', '127.0.0.1', '::1'];
  const hint = 'for a machine that is reached over SSH, choose another alias';
  for (const key of ['ssh_user', 'ssh_port', 'identity_file', 'proxy_jump', 'hive_port', 'worker_ports']) {
    if (!Object.hasOwn(fields, key)) continue;
    document.wrong([...path, key], `${localAlias} is the machine of the queen and cannot have ${key}`, hint);
  }
  const { hostname: host } = fields;
  if (host === undefined || own.includes(host as string)) return;
  document.wrong([...path, 'hostname'], `${localAlias} is the machine of the queen, not ${host}`, hint);
};
