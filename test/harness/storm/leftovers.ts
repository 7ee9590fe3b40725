/** Checks files after a storm: all are readable, and none is half-written. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Field } from './field.ts';
import { hives } from './plan.ts';

/** One sentence for each file that is wrong. Call it when nothing runs any more. */
export const fileProblems = (field: Field): string[] => {
  const files = hives.flatMap((hive) => {
    const { state, data } = field.folders(hive);
    return [...filesBelow(state), ...filesBelow(data)];
  });
  return [
    ...files.filter((file) => halfWritten.test(file)).map((file) => `left behind: ${file}`),
    ...files.filter((file) => file.endsWith('.json')).flatMap(unreadable),
    ...damagedDatabase(field.fleet.home.paths.queenDb),
  ];
};

/** This includes files that were set aside because they could not be read. */
const halfWritten = /\.(tmp|part|part\.json|corrupt[^/]*)$/;

const filesBelow = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => join(folder, name))
        // Programs and plugins are not written during a storm.
        .filter((path) => !/\/(node_modules|versions|runtimes|plugin)\//.test(path) && lstatSync(path).isFile())
    : [];

const unreadable = (file: string): string[] => {
  try {
    JSON.parse(readFileSync(file, 'utf8'));
    return [];
  } catch (error) {
    return [`${file} cannot be read: ${error}`];
  }
};

const damagedDatabase = (file: string): string[] => {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const found = database.prepare('PRAGMA quick_check').all();
    const [first] = found.map((row) => row['quick_check']);
    return found.length === 1 && first === 'ok' ? [] : [`queen.db: ${JSON.stringify(found)}`];
  } finally {
    database.close();
  }
};
