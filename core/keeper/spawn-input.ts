/** From what is typed after `worker spawn` and `infer` to what the queen is asked. */
import { resolve } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { parseBytes } from '../narration/quantities.ts';

/** The hive of this machine; paths may be relative only there. */
export const localHive = 'local';

/** Makes a relative model path absolute: the hive does not know where the command was typed. */
export const absoluteModel = (reference: string, hive: string | undefined, cwd: string): string => {
  if (hive !== undefined && hive !== localHive) return reference;
  const path = /^file:(?!\/)/.test(reference) ? reference.slice('file:'.length) : reference;
  const relative = path !== reference ? path !== '' : /^\.{1,2}\//.test(path);
  return relative ? `file:${resolve(cwd, path)}` : reference;
};

/** `ctx=2048` is a number, `flash=true` a boolean, `tags=["a"]` a list, everything else a text. */
export const parseOptions = (pairs: readonly string[], help: string): Record<string, unknown> => {
  const options: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw RbeeError.of('USAGE', { problem: `"${pair}" is not an option; write key=value`, help });
    const key = pair.slice(0, at);
    if (Object.hasOwn(options, key)) throw RbeeError.of('USAGE', { problem: `option ${key} is given twice`, help });
    Object.defineProperty(options, key, { value: scalar(pair.slice(at + 1)), enumerable: true });
  }
  return options;
};

const scalar = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** Reads `4GiB`. */
export const parseMemory = (text: string, help: string): number => {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw RbeeError.of('USAGE', { problem: `"${text}" is not a size such as 4GiB`, help });
  return bytes;
};

/** Reads a number within bounds; oclif only knows integers. */
export const parseNumber = (flag: string, text: string, help: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw RbeeError.of('USAGE', { problem: `--${flag} is a number, "${text}" is not`, help });
  }
  return value;
};
