/** Generates the list of plugins for registries without search, from the manifests of rbee's own plugins. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PluginHit } from '../core/contract/plugins.ts';
import { typesOf } from '../core/plugins/fetch/plugin-types.ts';

const root = join(import.meta.dirname, '..');

export const pluginIndexFile = join(root, 'core/plugin-index/plugins.json');

/** Text of `plugins.json`. */
export const pluginIndex = (): string => {
  const { rbee } = readJson('package.json') as unknown as { rbee: { plugins: string[] } };
  const hits = rbee.plugins.map((folder) => hitOf(readJson(`${folder}/package.json`)));
  hits.sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${shortened(JSON.stringify(hits, null, 2))}\n`;
};

/** Formats it as Biome does: a list of words on one line if it fits. */
const shortened = (json: string): string =>
  json.replace(/^( *"\w+": )\[([^[\]{}]*)\](,?)$/gm, (whole, start: string, words: string, end: string) => {
    const line = `${start}[${words.trim().replace(/\n */g, ' ')}]${end}`;
    return line.length <= 120 ? line : whole;
  });

interface Manifest {
  name: string;
  version: string;
  description: string;
  license: string;
  rbee: unknown;
}

const hitOf = ({ name, version, description, license, rbee }: Manifest): PluginHit => ({
  name,
  version,
  description,
  license,
  publisher: name.split('/')[0] ?? name,
  types: typesOf(rbee),
});

const readJson = (file: string): Manifest => JSON.parse(readFileSync(join(root, file), 'utf8'));
