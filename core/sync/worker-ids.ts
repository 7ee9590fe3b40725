/** Ids of declared workers: the same at every sync, whatever is added before or behind an entry, unique in the fleet. */
import { createHash } from 'node:crypto';
import { replicaIds } from '../config/replica-ids.ts';
import { parseModelReference, servedName } from '../contract/model-reference.ts';
import type { DeclaredRun, HiveDeclaration } from '../contract/sync.ts';

/** Longest id. */
const longest = 63;

/**
 * The name of each entry of `run`, hive by hive: its `id`, or else its alias, type and model. The first worker of the
 * entry has it for its id.
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
    // Entries that are alike, and different words that become the same letters, are told apart by their order.
    for (let count = 2; idsOf(name, entry).some((id) => taken.has(id)); count++) name = `${base}-${count}`;
    for (const id of idsOf(name, entry)) taken.add(id);
    names.set(entry, name);
  }
  return names;
};

const idsOf = (name: string, { replicas }: DeclaredRun): string[] => replicaIds(name, Math.max(1, replicas));

/** `-999`, and `-r1000` behind it. */
const replicaRoom = 10;

const nameOf = ({ model }: DeclaredRun): string | null =>
  model === null ? null : servedName(parseModelReference(model));

/** Letters that ids may have; what would be too long ends in a hash of the whole. */
const safe = (text: string, most: number): string => {
  const letters = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (letters.length <= most) return letters;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${letters.slice(0, most - 9).replace(/-$/, '')}-${hash}`;
};
