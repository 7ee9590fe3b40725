/** Creates a plugin from a template: copies it, and replaces the template's names with the author's. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot, rbeeVersion } from '../../config/version.ts';
import { RbeeError } from '../../contract/errors.ts';

export const templates = {
  'worker-plugin': 'your own engine, written in JavaScript',
  'worker-program': 'an existing program, found on the machine or downloaded',
} as const;

export type Template = keyof typeof templates;

export interface NewPlugin {
  /** Name of the worker type: what users write after `--type`. */
  type: string;
  template: Template;
  /** npm scope without the `@`; none when empty. */
  scope: string;
  license: string;
  /** Absolute; created if it does not exist. */
  folder: string;
}

/** Names that would collide with API paths of rbee. */
const reserved = ['models', 'jobs', 'workers', 'hives', 'status', 'catalog', 'operations'];

/** Why these names are invalid, and what to write instead; undefined if they are valid. */
export const nameProblem = ({ type, scope, license }: Omit<NewPlugin, 'folder' | 'template'>): string | undefined => {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/.test(type))
    return `"${type}" cannot name a worker type: use lower-case letters, digits and dashes`;
  if (reserved.includes(type)) return `"${type}" is reserved by rbee`;
  if (scope !== '' && !/^[a-z0-9~][a-z0-9._~-]*$/.test(scope)) return `"${scope}" is not a valid npm scope`;
  if (!/^[\w.+() -]+$/.test(license)) return `"${license}" is not a valid licence: write one like MIT or Apache-2.0`;
  return undefined;
};

/** Name of the npm package. */
export const packageName = ({ type, scope }: Pick<NewPlugin, 'type' | 'scope'>): string =>
  scope === '' ? `rbee-worker-${type}` : `@${scope}/worker-${type}`;

/** Writes the package; returns its files, relative to the folder. Errors: INVALID_INPUT, FOLDER_NOT_EMPTY. */
export const createPlugin = async (plugin: NewPlugin): Promise<string[]> => {
  const problem = nameProblem(plugin);
  if (problem) throw RbeeError.of('INVALID_INPUT', { what: 'the new plugin', problem, hint: 'choose another name' });
  await refuseUnlessEmpty(plugin.folder);
  const source = join(templatesFolder(), plugin.template);
  const names = await filesOf(source);
  const written: string[] = [];
  for (const name of names) {
    const target = join(plugin.folder, targetName(name, plugin));
    const text = await readFile(join(source, name), 'utf8');
    await mkdir(dirname(target), { recursive: true });
    // Keeps executable files executable.
    const { mode } = await stat(join(source, name));
    await writeFile(target, personal(text, plugin), { flag: 'wx', mode: mode & 0o111 ? 0o777 : 0o666 });
    written.push(targetName(name, plugin));
  }
  return written;
};

const refuseUnlessEmpty = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    const problem = error.code === 'ENOTDIR' ? 'it is a file' : error.message;
    throw RbeeError.of('INVALID_INPUT', { what: `the folder ${folder}`, problem, hint: 'choose another --folder' });
  });
  if (names.length > 0) throw RbeeError.of('FOLDER_NOT_EMPTY', { folder });
};

/** The templates are next to the code in an installed package, and at the root of a checkout. */
const templatesFolder = (): string => {
  const shipped = join(packageRoot(), 'dist', 'templates');
  return existsSync(shipped) ? shipped : join(dirname(packageRoot()), 'templates');
};

const filesOf = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder, { recursive: true });
  const files: string[] = [];
  for (const name of names.sort()) {
    if (/(^|[/\\])(node_modules|dist)([/\\]|$)/.test(name)) continue;
    if ((await stat(join(folder, name))).isFile()) files.push(name);
  }
  return files;
};

/** npm does not publish a file named `.gitignore`. */
const targetName = (name: string, { type }: NewPlugin): string =>
  name === 'gitignore' ? '.gitignore' : name.replaceAll('my-engine', type);

/** The template with the author's names. */
const personal = (text: string, plugin: NewPlugin): string =>
  text
    .replaceAll('rbee-worker-my-engine', packageName(plugin))
    .replaceAll('MY_ENGINE', plugin.type.toUpperCase().replaceAll('-', '_'))
    .replaceAll('my-engine', plugin.type)
    .replace('"license": "MIT"', `"license": ${JSON.stringify(plugin.license)}`)
    .replace(/("@rbee\/[\w-]+": ")\^[\d.]+/g, `$1^${rbeeVersion()}`);
