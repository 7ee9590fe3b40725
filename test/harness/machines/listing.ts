/** Everything below a folder, as sorted relative paths; folders end with a slash. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

export const listing = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)) + (entry.isDirectory() ? '/' : ''))
    .sort();
