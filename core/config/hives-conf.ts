/** `hives.conf`: the machines, and what should be on each of them. Any mistake is an error. */
import { join } from 'node:path';
import type { HiveDeclaration } from '../contract/api/sync.ts';
import { RbeeError } from '../contract/errors.ts';
import { parseModelReference, servedName } from '../contract/model-reference.ts';
import { didYouMean } from '../narration/near.ts';
import { isTable } from './checks.ts';
import { localAlias, type ReadHive, readHive } from './hive-entry.ts';
import type { Paths } from './paths.ts';
import { readTrusted, type TrustOptions } from './read-trusted.ts';
import { replicaIds } from './replica-ids.ts';
import { TomlDocument } from './toml.ts';

export interface HivesConf {
  file: string;
  hives: readonly HiveDeclaration[];
}

export const hivesConfFile = (paths: Pick<Paths, 'config'>): string => join(paths.config, 'hives.conf');

/** Null if the file does not exist. Errors: CONFIG_INVALID with file, line, column; FILE_NOT_PRIVATE. */
export const loadHivesConf = (file: string, options?: TrustOptions): HivesConf | null => {
  const source = readTrusted(file, options);
  return source === null ? null : parseHivesConf(source, file);
};

/**
 * Reads the text of a `hives.conf`; `file` is its name in errors. Throws CONFIG_INVALID about the first problem, with all
 * others as its lines.
 */
export const parseHivesConf = (source: string, file: string): HivesConf => {
  const document = new TomlDocument(source, file);
  for (const key of Object.keys(document.value)) {
    if (key !== 'hive') document.unknown([key], 'table', ['hive']);
  }
  const read = readEntries(document, document.value['hive'] ?? []);
  checkMachines(document, read);
  for (const one of read) {
    checkTypes(document, one);
    checkModels(document, one);
  }
  checkWorkers(document, read);
  checkNames(document, read);
  checkJumps(document, read);
  document.refuse();
  return { file, hives: read.map(({ hive }) => hive) };
};

const readEntries = (document: TomlDocument, entries: unknown): ReadHive[] => {
  if (Array.isArray(entries)) {
    return entries.flatMap((entry: unknown, index) => readHive(document, ['hive', index], entry) ?? []);
  }
  const hint = isTable(entries) ? 'write it as [[hive]], since there may be several' : 'write [[hive]]';
  document.wrong(['hive'], 'hive must be a list of tables', hint);
  return [];
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

const checkMachines = (document: TomlDocument, read: readonly ReadHive[]): void => {
  const aliases = new Map<string, number>();
  const machines = new Map<string, string>();
  for (const { hive, path } of read) {
    const line = aliases.get(hive.alias);
    if (line !== undefined) {
      const problem = `the alias ${hive.alias} is already used on line ${line}`;
      document.wrong([...path, 'alias'], problem, 'choose another alias');
      continue;
    }
    aliases.set(hive.alias, hive.line);
    if (hive.alias === localAlias) continue;
    const machine = JSON.stringify([hive.hostname.toLowerCase(), hive.sshPort, hive.sshUser, hive.proxyJump]);
    const other = machines.get(machine);
    if (other !== undefined) {
      const problem = `${hive.alias} is the same machine and user as ${other}`;
      document.wrong([...path, 'hostname'], problem, 'one hive runs all workers of a machine; put them into one entry');
    }
    machines.set(machine, hive.alias);
  }
};

const checkTypes = (document: TomlDocument, { hive: { workers }, places }: ReadHive): void => {
  const versions = new Map<string, string>();
  const variants = new Set<string>();
  for (const [entry, { type, variant, version }] of workers.entries()) {
    const path = places.workers[entry]!;
    const key = JSON.stringify([type, variant]);
    const other = versions.get(type);
    if (variants.has(key)) {
      const what = variant === null ? type : `${type} (${variant})`;
      document.wrong([...path, 'type'], `${what} is listed twice`, 'remove one of them');
    } else if (other !== undefined && other !== version) {
      const problem = `${type} is "${version}" here and "${other}" above`;
      document.wrong([...path, 'version'], problem, 'use the same version for all variants of a type on one machine');
    }
    variants.add(key);
    if (other === undefined) versions.set(type, version);
  }
};

const checkModels = (document: TomlDocument, { hive: { models }, places }: ReadHive): void => {
  const earlier = new Set<string>();
  for (const [entry, model] of models.entries()) {
    const path = places.models[entry]!;
    if (model === 'demo') {
      document.wrong(path, 'the demo model is part of its worker type', 'remove it from models');
    } else if (earlier.has(model)) {
      document.wrong(path, `${model} is listed twice`, 'remove one of them');
    }
    earlier.add(model);
  }
};

/** All replicas of all hives. */
const maxWorkers = 100_000;

const checkWorkers = (document: TomlDocument, read: readonly ReadHive[]): void => {
  const ids = new Map<string, string>();
  let workers = 0;
  for (const { hive, places } of read) {
    for (const [entry, { id: name, replicas }] of hive.run.entries()) {
      const path = places.run[entry]!;
      workers += replicas;
      if (workers > maxWorkers) {
        document.wrong([...path, 'replicas'], `more than ${maxWorkers} workers in total`, 'declare fewer replicas');
        return;
      }
      if (name === null) continue;
      for (const id of replicaIds(name, Math.max(1, replicas))) {
        const other = ids.get(id);
        if (other !== undefined) {
          const problem = `the id ${id} is already used by a worker of hive ${other}`;
          document.wrong([...path, 'id'], problem, 'ids must be unique across all machines');
          break;
        }
        ids.set(id, hive.alias);
      }
    }
  }
};

/** The queen would refuse the second worker if one name meant two models. */
const checkNames = (document: TomlDocument, read: readonly ReadHive[]): void => {
  const names = new Map<string, { model: string | null; alias: string }>();
  for (const { hive, places } of read) {
    for (const [entry, { name, model }] of hive.run.entries()) {
      const served = name ?? (model === null ? null : servedName(parseModelReference(model)));
      if (served === null) continue;
      const other = names.get(served);
      if (other && other.model !== model) {
        const problem = `the name ${served} already means ${other.model ?? 'another model'} on hive ${other.alias}`;
        const path = [...places.run[entry]!, name === null ? 'model' : 'name'];
        document.wrong(path, problem, 'give one of them another name with: name = "…"');
        continue;
      }
      names.set(served, { model, alias: hive.alias });
    }
  }
};

const checkJumps = (document: TomlDocument, read: readonly ReadHive[]): void => {
  const byAlias = new Map(read.map(({ hive }) => [hive.alias, hive]));
  const circles = new Set<string>();
  for (const { hive, path } of read) {
    const at = [...path, 'proxy_jump'];
    for (const jump of jumpsOf(hive)) {
      if (jump === localAlias) {
        document.wrong(at, `${localAlias} is the machine of the queen`, 'leave out proxy_jump');
      } else if (!byAlias.has(jump) && !jumpHost.test(jump)) {
        document.wrong(at, `"${jump}" is not a jump host`, 'write an alias of this file, or [user@]host[:port]');
      }
    }
    const { circle, jumps } = wayTo(hive.alias, byAlias);
    // Each circle is reported once, and not for machines that only lead into it.
    const members = circle && [...new Set(circle)].sort().join(' ');
    if (circle?.includes(hive.alias) && !circles.has(members!)) {
      circles.add(members!);
      const problem = `the jump hosts form a circle: ${circle.join(' over ')}`;
      document.wrong(at, problem, 'reach one of them directly');
    } else if (!circle && jumps > maxJumps) {
      document.wrong(at, `more than ${maxJumps} jump hosts in a row`, 'use fewer');
    }
  }
};

/** The jump hosts, nearest first; ssh writes `none` for no jump hosts. */
export const jumpsOf = ({ proxyJump }: Pick<HiveDeclaration, 'proxyJump'>): string[] =>
  proxyJump === null || proxyJump === 'none' ? [] : proxyJump.split(',');

/** `[user@]host[:port]`, without anything that ssh could take for a flag. */
const jumpHost = /^(?:[^\s\p{Cc}@-][^\s\p{Cc}@]*@)?(?:\w[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/u;

const maxJumps = 8;

interface Way {
  /** The number of jump hosts, counted up to the limit. */
  jumps: number;
  circle?: readonly string[];
}

/** `passed` are the machines on the way to this one. */
const wayTo = (alias: string, byAlias: ReadonlyMap<string, HiveDeclaration>, passed: readonly string[] = []): Way => {
  if (passed.includes(alias)) return { jumps: 0, circle: [...passed.slice(passed.indexOf(alias)), alias] };
  const hive = byAlias.get(alias);
  if (!hive || passed.length > maxJumps) return { jumps: 0 };
  let sum = 0;
  for (const jump of jumpsOf(hive)) {
    const { jumps, circle } = wayTo(jump, byAlias, [...passed, alias]);
    if (circle) return { jumps, circle };
    sum += 1 + jumps;
    // A few entries that name each other twice would have millions of routes.
    if (sum > maxJumps) break;
  }
  return { jumps: sum };
};
