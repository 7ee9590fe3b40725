/** `hives.conf`: which machines there are, and what should be on each. What is written must be right. */
import { join } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { parseModelReference, servedName } from '../contract/model-reference.ts';
import type { HiveDeclaration } from '../contract/sync.ts';
import { didYouMean } from '../narration/near.ts';
import { isTable } from './checks.ts';
import { localAlias, readHive } from './hive-entry.ts';
import type { Paths } from './paths.ts';
import { readTrusted, type TrustOptions } from './read-trusted.ts';
import { replicaIds } from './replica-ids.ts';
import { TomlDocument } from './toml.ts';

export interface HivesConf {
  file: string;
  hives: readonly HiveDeclaration[];
}

export const hivesConfFile = (paths: Pick<Paths, 'config'>): string => join(paths.config, 'hives.conf');

/** Null where there is no such file. Errors: CONFIG_INVALID with file, line, column; FILE_NOT_PRIVATE. */
export const loadHivesConf = (file: string, options?: TrustOptions): HivesConf | null => {
  const source = readTrusted(file, options);
  return source === null ? null : parseHivesConf(source, file);
};

/** Reads the text of a `hives.conf`; `file` is its name in errors. */
export const parseHivesConf = (source: string, file: string): HivesConf => {
  const document = new TomlDocument(source, file);
  for (const key of Object.keys(document.value)) {
    if (key !== 'hive') throw document.unknown([key], 'table', ['hive']);
  }
  const entries = document.value['hive'] ?? [];
  if (!Array.isArray(entries)) {
    const hint = isTable(entries) ? 'write it as [[hive]], since there may be several' : 'write [[hive]]';
    throw document.wrong(['hive'], 'hives are a list of tables', hint);
  }
  const hives = entries.map((entry: unknown, index) => readHive(document, ['hive', index], entry));
  refuseSameMachine(document, hives);
  refuseSameTypes(document, hives);
  refuseSameModels(document, hives);
  refuseSameWorkers(document, hives);
  refuseOtherNames(document, hives);
  checkJumps(document, hives);
  return { file, hives };
};

/** The hives of these aliases, or all. Throws HIVE_NOT_DECLARED. */
export const pickHives = ({ hives }: HivesConf, aliases: readonly string[] | undefined): HiveDeclaration[] => {
  const known = hives.map(({ alias }) => alias);
  for (const alias of aliases ?? []) {
    if (known.includes(alias)) continue;
    const near = didYouMean(alias, known);
    throw RbeeError.of('HIVE_NOT_DECLARED', { hive: alias, near, known: known.join(', ') || 'none' });
  }
  return hives.filter(({ alias }) => aliases === undefined || aliases.includes(alias));
};

const refuseSameMachine = (document: TomlDocument, hives: readonly HiveDeclaration[]): void => {
  const aliases = new Map<string, number>();
  const machines = new Map<string, string>();
  for (const [index, hive] of hives.entries()) {
    const line = aliases.get(hive.alias);
    if (line !== undefined) {
      const problem = `the alias ${hive.alias} is taken by the hive in line ${line}`;
      throw document.wrong(['hive', index, 'alias'], problem, 'each hive has an alias of its own');
    }
    aliases.set(hive.alias, hive.line);
    if (hive.alias === localAlias) continue;
    const machine = JSON.stringify([hive.hostname.toLowerCase(), hive.sshPort, hive.sshUser, hive.proxyJump]);
    const other = machines.get(machine);
    if (other !== undefined) {
      const problem = `${hive.alias} is the same machine and user as ${other}`;
      throw document.wrong(['hive', index, 'hostname'], problem, 'one hive looks after all workers of a machine');
    }
    machines.set(machine, hive.alias);
  }
};

const refuseSameTypes = (document: TomlDocument, hives: readonly HiveDeclaration[]): void => {
  for (const [index, { workers }] of hives.entries()) {
    for (const [entry, { type, variant, version }] of workers.entries()) {
      const earlier = workers.slice(0, entry).filter((one) => one.type === type);
      const path = ['hive', index, 'workers', entry];
      if (earlier.some((one) => one.variant === variant)) {
        const what = variant === null ? type : `${type} (${variant})`;
        throw document.wrong([...path, 'type'], `${what} is in this list already`, 'leave out one of the two');
      }
      const other = earlier.find((one) => one.version !== version);
      if (!other) continue;
      const problem = `${type} is "${version}" here and "${other.version}" above`;
      throw document.wrong([...path, 'version'], problem, 'all variants of a type on a machine have one version');
    }
  }
};

const refuseSameModels = (document: TomlDocument, hives: readonly HiveDeclaration[]): void => {
  for (const [index, { models }] of hives.entries()) {
    for (const [entry, model] of models.entries()) {
      const path = ['hive', index, 'models', entry];
      if (model === 'demo') {
        throw document.wrong(path, 'the demo model comes with its worker type', 'leave it out of models');
      }
      if (models.indexOf(model) < entry) {
        throw document.wrong(path, `${model} is in this list already`, 'leave out one of the two');
      }
    }
  }
};

const refuseSameWorkers = (document: TomlDocument, hives: readonly HiveDeclaration[]): void => {
  const ids = new Map<string, string>();
  for (const [index, { alias, run }] of hives.entries()) {
    for (const [entry, { id: name, replicas }] of run.entries()) {
      if (name === null) continue;
      for (const id of replicaIds(name, Math.max(1, replicas))) {
        const other = ids.get(id);
        if (other !== undefined) {
          const problem = `the id ${id} is taken by a worker of hive ${other}`;
          throw document.wrong(['hive', index, 'run', entry, 'id'], problem, 'ids are unique among all machines');
        }
        ids.set(id, alias);
      }
    }
  }
};

/** A name that meant two models would be refused by the queen when the second worker starts. */
const refuseOtherNames = (document: TomlDocument, hives: readonly HiveDeclaration[]): void => {
  const names = new Map<string, { model: string | null; alias: string }>();
  for (const [index, { alias, run }] of hives.entries()) {
    for (const [entry, { name, model }] of run.entries()) {
      const served = name ?? (model === null ? null : servedName(parseModelReference(model)));
      if (served === null) continue;
      const other = names.get(served);
      if (other && other.model !== model) {
        const problem = `the name ${served} means ${other.model ?? 'another model'} on hive ${other.alias}`;
        const path = ['hive', index, 'run', entry, name === null ? 'model' : 'name'];
        throw document.wrong(path, problem, 'give one of the two another name, with: name = "…"');
      }
      names.set(served, { model, alias });
    }
  }
};

const checkJumps = (document: TomlDocument, hives: readonly HiveDeclaration[]): void => {
  const byAlias = new Map(hives.map((hive, index) => [hive.alias, { hive, index }]));
  const fine = new Set<string>();
  for (const { hive, index } of byAlias.values()) {
    const path = ['hive', index, 'proxy_jump'];
    for (const jump of jumpsOf(hive)) {
      if (jump === localAlias) {
        throw document.wrong(path, `${localAlias} is the machine of the queen`, 'leave out proxy_jump');
      }
      if (byAlias.has(jump)) continue;
      if (!jumpHost.test(jump)) {
        const problem = `"${jump}" is no machine to jump over`;
        throw document.wrong(path, problem, 'write an alias of this file, or [user@]host[:port]');
      }
    }
    const circle = circleFrom(hive.alias, byAlias, fine);
    if (circle) {
      throw document.wrong(
        path,
        `the jumps go in a circle: ${circle.join(' over ')}`,
        'one of them must be reached directly',
      );
    }
  }
};

/** The machines that are passed on the way, nearest first; `none` is how ssh writes that there are none. */
export const jumpsOf = ({ proxyJump }: Pick<HiveDeclaration, 'proxyJump'>): string[] =>
  proxyJump === null || proxyJump === 'none' ? [] : proxyJump.split(',');

/** `[user@]host[:port]`, without anything that ssh would take for a flag. */
const jumpHost = /^(?:[^\s\p{Cc}@-][^\s\p{Cc}@]*@)?(?:\w[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/u;

/** `passed` is the way here, `fine` what is known to lead nowhere back. */
const circleFrom = (
  alias: string,
  byAlias: ReadonlyMap<string, { hive: HiveDeclaration }>,
  fine: Set<string>,
  passed: readonly string[] = [],
): string[] | undefined => {
  if (passed.includes(alias)) return [...passed.slice(passed.indexOf(alias)), alias];
  const entry = fine.has(alias) ? undefined : byAlias.get(alias);
  for (const jump of entry ? jumpsOf(entry.hive) : []) {
    const circle = circleFrom(jump, byAlias, fine, [...passed, alias]);
    if (circle) return circle;
  }
  fine.add(alias);
  return undefined;
};
