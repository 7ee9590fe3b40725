/** Reads one table of settings against rows of checks, so that a mistake is told with its place. */
import { type Check, isTable } from './checks.ts';
import { shown, type TomlDocument } from './toml.ts';
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

/** What the rules allow of the table at `path`. What is wrong with it is reported to the document, and left out. */
export const readFields = (
  document: TomlDocument,
  path: TomlPath,
  value: unknown,
  { what, where, fields, needed = [] }: TableRules,
): Readonly<Record<string, unknown>> => {
  if (!isTable(value)) {
    const example = `{ ${(needed.length > 0 ? needed : Object.keys(fields).slice(0, 1)).map((key) => `${key} = …`).join(', ')} }`;
    document.wrong(path, `one ${what} is a table, not ${shown(value)}`, `write it as ${example}`);
    return {};
  }
  const read: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    const at = [...path, key];
    if (!Object.hasOwn(fields, key)) {
      document.unknown(at, `key in ${where}`, Object.keys(fields));
      continue;
    }
    const problem = fields[key]!(field);
    if (problem === undefined) read[key] = field;
    else document.wrong(at, `${key} ${problem}`, `it is ${shown(field)} now`);
  }
  for (const key of needed) {
    if (!Object.hasOwn(value, key)) document.wrong(path, `this ${what} has no ${key}`, `add: ${key} = …`);
  }
  return read;
};

/** Each element of a list, with its place; nothing where the list is not there. */
export const eachOf = (list: unknown, path: TomlPath): { value: unknown; path: TomlPath }[] =>
  (Array.isArray(list) ? list : []).map((value: unknown, index) => ({ value, path: [...path, index] }));
