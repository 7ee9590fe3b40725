/** Everything below a folder, so that two listings show whether anything in it changed. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One line for each entry: path, type and permissions, content. Paths that match `without` are left out. */
export const listing = (folder: string, without = /^$/): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((path) => !without.test(path))
    .sort()
    .map((path) => `${path} ${lineOf(join(folder, path))}`);

const lineOf = (file: string): string => {
  const stat = lstatSync(file);
  const content = stat.isFile() ? sum(readFileSync(file)) : stat.isSymbolicLink() ? readlinkSync(file) : '';
  return `${stat.mode.toString(8)} ${content}`;
};

const sum = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');
