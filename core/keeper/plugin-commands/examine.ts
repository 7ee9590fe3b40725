/**
 * Describes a plugin's commands and hooks as data. oclif would load their code into this process; here a child with a
 * timeout loads it, once per state of the plugin, so that a plugin that throws, hangs or exits affects no other command.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@oclif/core/config';
import { readSmallFile, readSmallFileSync } from '../../boundary/small-file.ts';
import { packageRoot } from '../../config/version.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import { lastWordsInShort, maxLastWords } from '../../narration/last-words.ts';
import type { DeclaredPlugin } from './declared.ts';

/** oclif's own manifest of a plugin. */
export type CommandManifest = {
  version: string;
  commands: Config['commands'] extends (infer One)[] ? Record<string, One> : never;
};

export interface Examination {
  manifest: CommandManifest;
  /** Events with hooks that can be loaded. */
  hooks: readonly string[];
  /** What cannot be loaded and why, worded to follow the name of the plugin. */
  faults: readonly string[];
}

/** Messages of the child: what it is loading, and finally what it found. */
export type ExaminerMessage = { loading: string } | { examined: Examination };

/** Milliseconds for loading all code of a plugin, including the start of the child. */
const deadlineMs = 10_000;
/** Milliseconds after which a plugin that failed is tried again, even if it has not changed. */
const grudgeMs = 600_000;

export const examinePlugin = async (
  plugin: DeclaredPlugin,
  { cacheFolder, env }: { cacheFolder: string; env: NodeJS.ProcessEnv },
): Promise<Examination> => {
  const published = Object.keys(plugin.hooks).length === 0 ? publishedManifest(plugin) : null;
  if (published) return { manifest: published, hooks: [], faults: [] };
  const file = join(cacheFolder, 'plugin-commands', `${hash(plugin.root)}.json`);
  const state = stateOf(plugin);
  const known = await readKnown(file, state);
  if (known) return known;
  const examined = await askChild(plugin, env);
  // If the result cannot be cached, every command repeats the work.
  await writeAtomic(file, JSON.stringify({ state, at: Date.now(), examined })).catch(() => {});
  return examined;
};

/** What `oclif manifest` wrote when the plugin was published. */
const publishedManifest = ({ root, version }: DeclaredPlugin): CommandManifest | null => {
  for (const name of ['oclif.manifest.json', '.oclif.manifest.json']) {
    try {
      const manifest = JSON.parse(readSmallFileSync(join(root, name), { maxBytes: 16 * 2 ** 20 })) as CommandManifest;
      if (manifest.version === version && typeof manifest.commands === 'object') return manifest;
    } catch {
      // Not published with one.
    }
  }
  return null;
};

const readKnown = async (file: string, state: string): Promise<Examination | null> => {
  try {
    const known = JSON.parse(await readSmallFile(file, { maxBytes: 16 * 2 ** 20 })) as {
      state: string;
      at: number;
      examined: Examination;
    };
    const holds = known.state === state && (known.examined.faults.length === 0 || Date.now() - known.at < grudgeMs);
    return holds ? known.examined : null;
  } catch {
    return null;
  }
};

/** Changes with the package.json and with any file of its commands and hooks. */
const stateOf = ({ root, text, hooks }: DeclaredPlugin): string => {
  const { oclif } = JSON.parse(text) as { oclif: { commands?: string | { target?: string } } };
  const commands = typeof oclif.commands === 'string' ? oclif.commands : oclif.commands?.target;
  const targets = [...Object.values(hooks).flat(), ...(commands ? [{ target: commands }] : [])];
  const times = targets.flatMap(({ target }) => timesOf(join(root, target)));
  return hash(JSON.stringify([text, times]));
};

const timesOf = (path: string): unknown[] => {
  const found = [path, ...extensions.map((extension) => path + extension)].find(exists);
  if (found === undefined) return [path];
  const { mtimeMs, size } = statSync(found);
  if (!statSync(found).isDirectory()) return [found, mtimeMs, size];
  return readdirSync(found)
    .filter((name) => name !== 'node_modules')
    .flatMap((name) => timesOf(join(found, name)));
};

/** The extensions that oclif tries if a target has none. */
export const extensions = ['.js', '.mjs', '.cjs'];

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

const askChild = ({ root, version }: DeclaredPlugin, env: NodeJS.ProcessEnv): Promise<Examination> =>
  new Promise((resolve) => {
    const child = fork(join(packageRoot(), 'bin/rbee.js'), ['__plugin', root], {
      cwd: root,
      env,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let loading = 'its commands';
    let words = '';
    const settle = (examined: Examination) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      resolve(examined);
    };
    const fail = (problem: string) =>
      settle({ manifest: { version, commands: {} }, hooks: [], faults: [`${loading} ${problem}`] });
    const timer = setTimeout(() => fail(`did not load within ${deadlineMs / 1_000} s`), deadlineMs);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-maxLastWords);
    });
    child.on('message', (message: ExaminerMessage) => {
      if ('loading' in message) loading = message.loading;
      else settle(message.examined);
    });
    child.once('error', (error) => fail(`could not be loaded: ${error.message}`));
    child.once('close', (code, signal) => {
      const last = lastWordsInShort(words);
      fail(`ended the process that loaded them (${signal ?? `exit code ${code}`})${last && `: ${last}`}`);
    });
  });
