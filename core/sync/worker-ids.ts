/** Ids of declared workers: unique in the fleet, and stable when entries are added before or after. */
import { createHash } from 'node:crypto';
import { replicaIds } from '../config/replica-ids.ts';
import type { DeclaredRun, HiveDeclaration } from '../contract/api/sync.ts';
import { parseModelReference, servedName } from '../contract/model-reference.ts';

/** Maximum length of an id. */
const longest = 63;

/**
 * The name of each entry of `run`, per hive: its `id`, or one made of alias, type and model. It is the id of the
 * entry's first worker.
 */
export const entryNames = (hives: readonly HiveDeclaration[]): Map<DeclaredRun, string> => {
  const names = new Map<DeclaredRun, string>();
  const entries = hives.flatMap(({ alias, run }) => run.map((entry) => ({ alias, entry })));
  const taken = new Set(entries.flatMap(({ entry }) => (entry.id === null ? [] : idsOf(entry.id, entry))));
  for (const { alias, entry } of entries) {
    if (entry.id !== null) {
      names.set(entry, entry.id);
      continue;
    }
    const wanted = [alias, entry.type, entry.name ?? nameOf(entry)].filter((part) => part !== null).join('-');
    const base = safe(wanted, longest - replicaRoom);
    let name = base;
    // Equal entries, and words that become the same after replacing characters, are numbered by order.
    for (let count = 2; idsOf(name, entry).some((id) => taken.has(id)); count++) name = `${base}-${count}`;
    for (const id of idsOf(name, entry)) taken.add(id);
    names.set(entry, name);
  }
  return names;
};

const idsOf = (name: string, { replicas }: DeclaredRun): string[] => replicaIds(name, Math.max(1, replicas));

/** Room for `-999`, and `-r1000` after it. */
const replicaRoom = 10;

const nameOf = ({ model }: DeclaredRun): string | null =>
  model === null ? null : servedName(parseModelReference(model));

/** Replaces invalid characters. A name that is too long ends in a hash of the whole. */
const safe = (text: string, maxLength: number): string => {
  const letters = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (letters.length <= maxLength) return letters;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${letters.slice(0, maxLength - 9).replace(/-$/, '')}-${hash}`;
};
