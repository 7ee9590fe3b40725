/** Generates the table of options in a plugin's README from its options schema. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OptionSchema, WorkerType } from '../core/contract/worker-type/worker-type.ts';

const root = join(import.meta.dirname, '..');
/** The first line of the table. The rest of the table is generated. */
const head = '| option | default | what it does |';

/** Folders of rbee's own plugins, relative to the root. */
export const bundledPlugins = (): string[] => {
  const workspace = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { rbee: { plugins: string[] } };
  return workspace.rbee.plugins;
};

export const readmeFile = (plugin: string): string => join(root, plugin, 'README.md');

/** The README with an up-to-date table. Throws if it has no table. */
export const pluginReadme = async (plugin: string): Promise<string> => {
  const text = readFileSync(readmeFile(plugin), 'utf8');
  const { default: type } = (await import(pathToFileURL(join(root, plugin, 'index.ts')).href)) as {
    default: WorkerType;
  };
  const lines = text.split('\n');
  const start = lines.indexOf(head);
  if (start === -1) throw new Error(`${plugin}/README.md has no table that begins with: ${head}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const rows = Object.entries(type.options?.properties ?? {}).map(([name, option]) => row(name, option));
  lines.splice(start, length === -1 ? lines.length : length, head, '|---|---|---|', ...rows);
  return lines.join('\n');
};

const row = (name: string, option: OptionSchema) =>
  `| \`${name}\` | ${defaultOf(option)} | ${escaped([option.description, ...limits(option)].join('; '))} |`;

const defaultOf = ({ default: value }: OptionSchema) => {
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return '';
  return typeof value === 'string' ? `\`${escaped(value)}\`` : escaped(String(value));
};

const limits = ({ enum: choices, minimum, maximum, secret }: OptionSchema): string[] => {
  if (secret === true) return ['given as `secret:NAME`'];
  if (choices !== undefined) return [`one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`];
  if (minimum !== undefined && maximum !== undefined) return [`${minimum} to ${maximum}`];
  if (minimum !== undefined) return [`at least ${minimum}`];
  return maximum === undefined ? [] : [`at most ${maximum}`];
};

const escaped = (text: string) => text.replaceAll('|', '\\|');
