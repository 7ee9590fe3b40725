/** The commented examples of rbee's files, which are their documentation. A test parses each of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names for `rbee docs`, and the file that each prints. */
export const examples = { hives: 'hives.conf', rbee: 'rbee.conf' } as const;

export type ExampleName = keyof typeof examples;

export const readExample = (name: ExampleName): string =>
  readFileSync(join(import.meta.dirname, 'examples', examples[name]), 'utf8');
