/** Turns the arguments of `worker spawn` and `infer` into the input of the operation. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { parseBytes } from '../narration/quantities.ts';
import { absolutePath } from './absolute-path.ts';

/** The hive of this machine, for which paths may be relative. */
export const localHive = 'local';

/** Makes a relative model path absolute, because the hive runs in another folder. */
export const absoluteModel = (reference: string, hive: string | undefined, cwd: string | undefined): string => {
  if (hive !== undefined && hive !== localHive) return reference;
  const path = /^file:(?!\/)/.test(reference) ? reference.slice('file:'.length) : reference;
  const relative = path !== reference ? path !== '' : /^\.{1,2}\//.test(path) || isFileHere(path, cwd);
  return relative ? `file:${absolutePath(path, cwd)}` : reference;
};

/** An existing file such as `tiny.gguf` is taken as a path; a name without an extension is the name of a served model. */
const isFileHere = (path: string, cwd: string | undefined): boolean =>
  cwd !== undefined &&
  /^[^/:][^:]*\.[a-z]\w*$/i.test(path) &&
  (statSync(resolve(cwd, path), { throwIfNoEntry: false })?.isFile() ?? false);

/**
 * `ctx=2048` is a number, `flash=true` a boolean, `tags=["a"]` a list, and everything else a string. A repeated option is
 * a list of its values.
 */
export const parseOptions = (pairs: readonly string[], help: string): Record<string, unknown> => {
  const options: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw RbeeError.of('USAGE', { problem: `"${pair}" is not an option; write key=value`, help });
    const key = pair.slice(0, at);
    const value = scalar(pair.slice(at + 1));
    const all = Object.hasOwn(options, key) ? [options[key], value].flat() : value;
    Object.defineProperty(options, key, { value: all, enumerable: true, configurable: true });
  }
  return options;
};

/** `HF_HOME=/models` for the environment of the engine. If a name is repeated, the last value wins. */
export const parseVariables = (pairs: readonly string[], help: string): Record<string, string> => {
  const variables: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]{0,127})=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined)
      throw RbeeError.of('USAGE', { problem: '--env takes NAME=VALUE, such as HF_TOKEN=secret:hf-token', help });
    if (name.startsWith('RBEE_')) throw RbeeError.of('USAGE', { problem: `${name} is set by rbee itself`, help });
    Object.defineProperty(variables, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return variables;
};

const scalar = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    // 3.10 may be a version: a value that would lose a digit as a number stays a string.
    return typeof value === 'number' && String(value) !== text ? text : value;
  } catch {
    return text;
  }
};

/** Reads `4GiB`. */
export const parseMemory = (text: string, help: string): number => {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw RbeeError.of('USAGE', { problem: `"${text}" is not a size such as 4GiB`, help });
  if (bytes < minMemoryBytes) {
    throw RbeeError.of('USAGE', { problem: `--memory-limit must be at least 1MiB, not "${text}"`, help });
  }
  return bytes;
};

const minMemoryBytes = 1024 ** 2;

/** Ids are used in file names, and names in URLs, so both allow only safe characters. */
export const parseWord = (flag: 'id' | 'name', text: string, help: string): string => {
  const { pattern, rule } = words[flag];
  if (pattern.test(text)) return text;
  throw RbeeError.of('USAGE', { problem: `--${flag} must have ${rule}, not "${text}"`, help });
};

/** The patterns of the contract, copied to avoid loading its schemas. */
export const words = {
  id: {
    pattern: /^[a-z0-9][a-z0-9-]{0,62}$/,
    rule: 'up to 63 lower-case letters, digits and dashes, and begin with a letter or digit',
  },
  name: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/,
    rule: 'up to 128 letters, digits and ._:/-, and begin with a letter or digit',
  },
};

/** Bounds of a number. */
export interface Bounds {
  min: number;
  max: number;
}

/** Parses a number within bounds; oclif only supports integers. */
export const parseNumber = (flag: string, text: string, help: string, bounds: Bounds): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw RbeeError.of('USAGE', { problem: `--${flag} must be a number, not "${text}"`, help });
  }
  if (value < bounds.min || value > bounds.max) {
    const range = `${bounds.min} to ${bounds.max}`;
    throw RbeeError.of('USAGE', { problem: `--${flag} must be ${range}, not "${text}"`, help });
  }
  return value;
};
