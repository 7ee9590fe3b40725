/** Reads one table of settings against rows of checks, so that a mistake is told with its place. */
import { type Check, isTable } from './checks.ts';
import type { TomlDocument } from './toml.ts';
import type { TomlPath } from './toml-positions.ts';

/** What a table may hold: one row a key. */
export type Fields = Readonly<Record<string, Check>>;

export interface TableRules {
  /** What one such table is called: `hive`, `entry of workers`. */
  what: string;
  /** How people write where it stands: `[[hive]]`, `workers`. */
  where: string;
  fields: Fields;
  /** Keys without which it means nothing. */
  needed?: readonly string[];
}

/** The table at `path` with nothing in it but what the rules allow. Throws CONFIG_INVALID. */
export const readFields = (
  document: TomlDocument,
  path: TomlPath,
  value: unknown,
  { what, where, fields, needed = [] }: TableRules,
): Readonly<Record<string, unknown>> => {
  if (!isTable(value)) {
    const example = `{ ${(needed.length > 0 ? needed : Object.keys(fields).slice(0, 1)).map((key) => `${key} = …`).join(', ')} }`;
    throw document.wrong(path, `one ${what} is a table, not ${JSON.stringify(value)}`, `write it as ${example}`);
  }
  for (const [key, field] of Object.entries(value)) {
    const at = [...path, key];
    if (!Object.hasOwn(fields, key)) throw document.unknown(at, `key in ${where}`, Object.keys(fields));
    const problem = fields[key]!(field);
    if (problem !== undefined) throw document.wrong(at, `${key} ${problem}`, `it is ${JSON.stringify(field)} now`);
  }
  for (const key of needed) {
    if (!Object.hasOwn(value, key)) throw document.wrong(path, `this ${what} has no ${key}`, `add: ${key} = …`);
  }
  return value;
};

/** Each element of a list, with its place; nothing where the list is not there. */
export const eachOf = (list: unknown, path: TomlPath): { value: unknown; path: TomlPath }[] =>
  (Array.isArray(list) ? list : []).map((value: unknown, index) => ({ value, path: [...path, index] }));
