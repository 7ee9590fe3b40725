/** Reads one table of settings against rows of checks, and reports mistakes with their position. */
import { type Check, isTable } from './checks.ts';
import { shown, type TomlDocument } from './toml.ts';
import type { TomlPath } from './toml-positions.ts';

/** The allowed keys of a table, one row per key. */
export type Fields = Readonly<Record<string, Check>>;

export interface TableRules {
  /** The name of one such table: `hive`, `entry of workers`. */
  what: string;
  /** Where it is in the file: `[[hive]]`, `workers`. */
  where: string;
  fields: Fields;
  /** Required keys. */
  needed?: readonly string[];
}

/** The valid fields of the table at `path`. Invalid ones are reported to the document, and left out. */
export const readFields = (
  document: TomlDocument,
  path: TomlPath,
  value: unknown,
  { what, where, fields, needed = [] }: TableRules,
): Readonly<Record<string, unknown>> => {
  if (!isTable(value)) {
    const example = `{ ${(needed.length > 0 ? needed : Object.keys(fields).slice(0, 1)).map((key) => `${key} = …`).join(', ')} }`;
    document.wrong(path, `each ${what} must be a table, not ${shown(value)}`, `write it as ${example}`);
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
    else document.wrong(at, `${key} ${problem}`, `its value is ${shown(field)}`);
  }
  for (const key of needed) {
    if (!Object.hasOwn(value, key)) document.wrong(path, `this ${what} has no ${key}`, `add: ${key} = …`);
  }
  return read;
};

/** The elements of a list, with their positions; empty if there is no list. */
export const eachOf = (list: unknown, path: TomlPath): { value: unknown; path: TomlPath }[] =>
  (Array.isArray(list) ? list : []).map((value: unknown, index) => ({ value, path: [...path, index] }));
