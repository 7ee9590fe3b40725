/**
 * What installed plugins declare for the command line, read only from their package.json. Every command reads this, even
 * the fast ones, so it loads and runs nothing.
 */
import { join } from 'node:path';
import { readSmallFileSync } from '../../boundary/small-file.ts';

/** A plugin that adds commands or hooks. */
export interface DeclaredPlugin {
  /** npm package. */
  name: string;
  version: string;
  root: string;
  /** Its package.json, as text: what is known about the plugin is valid while this is unchanged. */
  text: string;
  hasCommands: boolean;
  /** Files of hooks by event, as oclif writes them. */
  hooks: Readonly<Record<string, readonly HookFile[]>>;
}

export interface HookFile {
  target: string;
  identifier: string;
}

/** Events around every command. */
const everyday = ['init', 'prerun', 'postrun', 'finally'];

/** The plugins of the index in the data folder, by name. Unreadable ones are skipped; other commands report them. */
export const declaredPlugins = (dataFolder: string): DeclaredPlugin[] => {
  const index = readJson(join(dataFolder, 'package.json'))?.json as { oclif?: { plugins?: unknown } } | undefined;
  const entries = index?.oclif?.plugins;
  if (!Array.isArray(entries)) return [];
  const found = entries.flatMap((entry: { type?: unknown; root?: unknown } | null) =>
    entry?.type === 'link' && typeof entry.root === 'string' ? (declarationOf(entry.root) ?? []) : [],
  );
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** Whether it has hooks that run with every command. */
export const hasEverydayHooks = (plugins: readonly DeclaredPlugin[]): boolean =>
  plugins.some(({ hooks }) => everyday.some((event) => Object.hasOwn(hooks, event)));

/** What the package in `root` declares, or null. */
export const declarationOf = (root: string): DeclaredPlugin | null => {
  const found = readJson(join(root, 'package.json'));
  const { name, version, oclif } = (found?.json ?? {}) as { name?: unknown; version?: unknown; oclif?: unknown };
  if (found === null || typeof name !== 'string' || typeof version !== 'string' || !isObject(oclif)) return null;
  const hooks = isObject(oclif['hooks']) ? Object.entries(oclif['hooks']) : [];
  const files = hooks.map(([event, value]) => [event, hookFiles(value)] as const);
  const known = Object.fromEntries(files.filter(([, list]) => list.length > 0));
  const hasCommands = typeof oclif['commands'] === 'string' || isObject(oclif['commands']);
  if (!hasCommands && Object.keys(known).length === 0) return null;
  return { name, version, root, text: found.text, hasCommands, hooks: known };
};

const hookFiles = (value: unknown): HookFile[] =>
  (Array.isArray(value) ? value : [value]).flatMap((one: unknown) => {
    if (typeof one === 'string') return [{ target: one, identifier: 'default' }];
    if (!isObject(one) || typeof one['target'] !== 'string') return [];
    return [{ target: one['target'], identifier: String(one['identifier'] ?? 'default') }];
  });

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const readJson = (file: string): { text: string; json: unknown } | null => {
  try {
    const text = readSmallFileSync(file);
    return { text, json: JSON.parse(text) };
  } catch {
    return null;
  }
};
