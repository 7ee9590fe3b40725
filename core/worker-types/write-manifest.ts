/** Updates the worker types in a plugin's package.json from its code. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { RbeeError } from '../contract/errors.ts';
import { workerTypeApiVersion } from '../contract/worker-type/api-version.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';
import { checkDescription, type TypeDescription } from './description.ts';
import { Evaluator } from './evaluator.ts';
import { readManifest, type WorkerTypeManifest } from './manifest.ts';
import { checkBuilt } from './worker-type-handle.ts';

export interface WrittenManifest {
  /** npm package. */
  package: string;
  /** Absolute path of its package.json. */
  file: string;
  /** Names of its worker types. */
  types: string[];
  /** Whether anything changed. */
  changed: boolean;
}

interface PackageJson {
  name?: unknown;
  main?: unknown;
  exports?: unknown;
  rbee?: { workerTypes?: Record<string, Partial<WorkerTypeManifest> | undefined> };
}

/**
 * Updates `rbee` in the package.json of `root`: names, summaries, paths, variants and device kinds come from the code;
 * entries and aliases are kept. A package without a listed worker type gets the one that its main module exports. The
 * code runs without access to anything. Errors: PLUGIN_INVALID, PLUGIN_FAILED, PLUGIN_NOT_BUILT, STATE_UNWRITABLE.
 */
export const writeManifest = async (root: string): Promise<WrittenManifest> => {
  const file = join(root, 'package.json');
  const { text, json } = await readPackage(file);
  const name = typeof json.name === 'string' ? json.name : root;
  const known = Object.values(json.rbee?.workerTypes ?? {}).filter((entry) => entry !== undefined);
  const entries = known.length > 0 ? known : [{ entry: mainModule(json) }];
  const workerTypes = Object.fromEntries(await Promise.all(entries.map((entry) => typeOf(name, root, entry))));
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  const written = `${JSON.stringify({ ...json, rbee: { ...json.rbee, api: workerTypeApiVersion, workerTypes } }, null, indent)}\n`;
  const changed = written !== text;
  if (changed) await writeAtomic(file, written, (await stat(file)).mode & 0o777);
  // Report other problems now, not to the plugin's first user.
  await readManifest(root);
  return { package: name, file, types: Object.keys(workerTypes), changed };
};

const readPackage = async (file: string): Promise<{ text: string; json: PackageJson }> => {
  const invalid = (problem: string, cause?: unknown) =>
    RbeeError.of('PLUGIN_INVALID', { plugin: file, problem }, { cause });
  try {
    const text = await readSmallFile(file);
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return { text, json };
  } catch (error) {
    throw invalid(`it cannot be read (${(error as Error).message})`, error);
  }
  throw invalid('it is not an object');
};

const mainModule = ({ exports, main }: PackageJson): string => {
  const dot = typeof exports === 'object' && exports !== null ? (exports as Record<string, unknown>)['.'] : exports;
  const chosen = typeof dot === 'object' && dot !== null ? (dot as Record<string, unknown>)['default'] : dot;
  return [chosen, main].find((path) => typeof path === 'string') ?? './index.js';
};

const typeOf = async (
  plugin: string,
  root: string,
  { entry = './index.js', aliases, summary }: Partial<WorkerTypeManifest>,
): Promise<[string, Omit<WorkerTypeManifest, 'name'>]> => {
  const described = await describe(plugin, root, entry);
  const line = described.summary ?? summary;
  return [
    described.name,
    {
      entry,
      ...(aliases && { aliases }),
      ...(line !== undefined && { summary: line }),
      serves: described.serves.map(({ path }) => path),
      variants: described.variants.map(({ id }) => id),
      ...(described.devices && { devices: described.devices.map(({ kind }) => kind) }),
    },
  ];
};

/** The type as its code describes it, checked against the contract. */
const describe = async (plugin: string, root: string, entry: string): Promise<TypeDescription> => {
  const manifest = { package: plugin, version: '0.0.0', description: '', root, workerTypes: [] };
  await checkBuilt(manifest, { name: '', entry, serves: [], variants: [] }, true);
  const evaluator = new Evaluator(plugin, root);
  try {
    const value = await evaluator.describe(entry);
    const { name = '', serves = [], variants = [], devices = [] } = value as Partial<TypeDescription>;
    const said = {
      ...{ name, entry },
      serves: serves.map(({ path }) => path),
      variants: variants.map(({ id }) => id),
      devices: devices.map(({ kind }) => kind),
    };
    return checkDescription(manifest, said, value);
  } finally {
    evaluator.close();
  }
};
