/** One `[[hive]]` of `hives.conf`: its keys, and those of the tables in it. */
import semver from 'semver';
import { formatDevice, parseDevice } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import { formatModelReference, parseModelReference } from '../contract/model-reference.ts';
import { defaultWorkerPorts } from '../contract/ports.ts';
import type { DeclaredRun, DeclaredType, HiveDeclaration } from '../contract/sync.ts';
import { servedNamePattern } from '../contract/worker.ts';
import { parseBytes } from '../narration/quantities.ts';
import { bool, type Check, integer, isTable, number, oneOf, portRange, text, written } from './checks.ts';
import { eachOf, readFields, type TableRules } from './read-fields.ts';
import type { TomlDocument } from './toml.ts';
import type { TomlPath } from './toml-positions.ts';
import { typeName } from './type-names.ts';

/** The alias of the queen's own machine. */
export const localAlias = 'local';

/** Reads the entry at `path`. Throws CONFIG_INVALID. */
export const readHive = (document: TomlDocument, path: TomlPath, value: unknown): HiveDeclaration => {
  const fields = readFields(document, path, value, hiveRules);
  const alias = String(fields['alias']);
  if (alias === localAlias) refuseSsh(document, path, fields);
  const string = (key: string): string | null => (fields[key] as string | undefined) ?? null;
  return {
    alias,
    hostname: (string('hostname') ?? (alias === localAlias ? 'localhost' : alias)).replace(/^\[(.*)\]$/, '$1'),
    sshUser: string('ssh_user'),
    sshPort: (fields['ssh_port'] as number | undefined) ?? null,
    hivePort: (fields['hive_port'] as number | undefined) ?? 8600,
    workerPorts: string('worker_ports') ?? defaultWorkerPorts,
    autoStart: (fields['auto_start'] as boolean | undefined) ?? true,
    identityFile: string('identity_file'),
    proxyJump: string('proxy_jump')?.replace(/\s+/g, '') ?? null,
    labels: (fields['labels'] as Record<string, string> | undefined) ?? {},
    workers: eachOf(fields['workers'], [...path, 'workers']).map((entry) => readType(document, entry)),
    models: eachOf(fields['models'], [...path, 'models']).map((entry) => readModel(document, entry)),
    run: eachOf(fields['run'], [...path, 'run']).map((entry) => readRun(document, entry)),
    line: document.positions.at(path).line,
  };
};

interface Entry {
  value: unknown;
  path: TomlPath;
}

const list: Check = (value) => (Array.isArray(value) ? undefined : 'must be a list');
const table: Check = (value) => (isTable(value) ? undefined : 'must be a table');
const texts: Check = (value) =>
  isTable(value) && Object.values(value).every((one) => typeof one === 'string')
    ? undefined
    : 'must be a table of texts such as { room = "lab" }';
const word = written(/^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/, 'a word of lower-case letters, digits and dashes');
const type: Check = (value) =>
  typeof value === 'string' && word(typeName(value)) === undefined ? undefined : 'must be the name of a worker type';
const port = integer(1, 65535, 'a port');

/** Anything that ssh would take for a flag, or a shell for more than a name, is none. */
const hostname: Check = (value) => {
  if (typeof value !== 'string' || value === '') return 'must be a name or an address';
  if (value.includes('@')) return 'is the machine alone; the user goes into ssh_user';
  if (/^[^:]+:\d+$/.test(value)) return 'is the machine alone; the port goes into ssh_port';
  const isName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(value);
  const isAddress = /^\[?[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?\]?$/.test(value) && value.includes(':');
  return isName || isAddress ? undefined : 'must be a name or an address';
};

const version: Check = (value) => {
  if (typeof value !== 'string') return 'must be a text such as "latest", "^1" or "1.2.3"';
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
    components: texts,
    restart: oneOf('never', 'on-failure', 'always'),
    memory_limit: (value) => {
      const bytes = bytesOf(value);
      return bytes !== undefined && bytes >= 1024 ** 2 ? undefined : 'must be a size such as "8GiB", 1MiB at least';
    },
    cpu_limit: number(0.01, 4096, 'a number of CPU cores'),
  },
};

const bytesOf = (value: unknown): number | undefined => {
  if (typeof value === 'string') return parseBytes(value);
  return Number.isInteger(value) ? (value as number) : undefined;
};

const readType = (document: TomlDocument, { value, path }: Entry): DeclaredType => {
  const fields = readFields(document, path, value, typeRules);
  return {
    type: typeName(String(fields['type'])),
    version: ((fields['version'] as string | undefined) ?? 'latest').trim(),
    variant: (fields['variant'] as string | undefined) ?? null,
    line: document.positions.at(path).line,
  };
};

/** A reference, written in the one way in which hives tell it. */
const readModel = (document: TomlDocument, { value, path }: Entry): string => {
  if (typeof value !== 'string') {
    throw document.wrong(path, 'a model is a text', 'write it like "hf:org/repo" or "file:/path"');
  }
  const reference = understood(document, path, () => parseModelReference(value));
  if (reference.kind === 'file' && !reference.path.startsWith('/')) {
    throw document.wrong(path, `"${value}" is not a whole path`, 'a path on the machine begins with /');
  }
  return formatModelReference(reference);
};

const readRun = (document: TomlDocument, { value, path }: Entry): DeclaredRun => {
  const fields = readFields(document, path, value, runRules);
  const { model, device } = fields;
  for (const [name, option] of Object.entries((fields['options'] as object | undefined) ?? {})) {
    if (isJson(option)) continue;
    throw document.wrong([...path, 'options', name], `option ${name} is of no kind that options are`, 'give a text');
  }
  const components = Object.entries((fields['components'] as Record<string, string> | undefined) ?? {});
  const string = (key: string): string | null => (fields[key] as string | undefined) ?? null;
  return {
    type: typeName(String(fields['type'])),
    id: string('id'),
    name: string('name'),
    model: model === undefined ? null : readModel(document, { value: model, path: [...path, 'model'] }),
    variant: string('variant'),
    device:
      device === undefined
        ? null
        : formatDevice(understood(document, [...path, 'device'], () => parseDevice(device as string))),
    replicas: (fields['replicas'] as number | undefined) ?? 1,
    options: (fields['options'] as Record<string, unknown> | undefined) ?? {},
    components: Object.fromEntries(
      components.map(([name, reference]) => {
        const at = [...path, 'components', name];
        if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name))
          return [name, readModel(document, { value: reference, path: at })];
        throw document.wrong(
          at,
          `"${name}" is not the name of a component`,
          'components are named like mmproj, vae, lora',
        );
      }),
    ),
    restart: (fields['restart'] as DeclaredRun['restart'] | undefined) ?? null,
    memoryLimit: bytesOf(fields['memory_limit']) ?? null,
    cpuLimit: (fields['cpu_limit'] as number | undefined) ?? null,
    line: document.positions.at(path).line,
  };
};

/** What the contract understands; its own complaint, with the place, else. */
const understood = <Result>(document: TomlDocument, path: TomlPath, read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    if (error instanceof RbeeError) throw document.wrong(path, error.message, error.hint);
    throw error;
  }
};

const isJson = (value: unknown): boolean => {
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (isTable(value)) return Object.values(value).every(isJson);
  return typeof value === 'string' || typeof value === 'boolean';
};

/** The queen's own machine is not reached over SSH. */
const refuseSsh = (document: TomlDocument, path: TomlPath, fields: Readonly<Record<string, unknown>>): void => {
  const own = ['localhost', '127.0.0.1', '::1'];
  const wrong = ['ssh_user', 'ssh_port', 'identity_file', 'proxy_jump', 'hive_port', 'worker_ports'].find(
    (key) => key in fields,
  );
  const hint = 'choose another alias for a machine that is reached over SSH';
  if (wrong !== undefined) {
    throw document.wrong([...path, wrong], `${localAlias} is the machine of the queen and takes no ${wrong}`, hint);
  }
  const { hostname: host } = fields;
  if (host === undefined || own.includes(host as string)) return;
  throw document.wrong([...path, 'hostname'], `${localAlias} is the machine of the queen, not ${host}`, hint);
};
