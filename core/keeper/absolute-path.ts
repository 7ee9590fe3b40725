/** Paths in commands: relative ones are those of this machine, unless the queen is elsewhere. */
import { isAbsolute, resolve } from 'node:path';
import { RbeeError } from '../contract/errors.ts';

/** `folder` is undefined while RBEE_QUEEN names a queen elsewhere: then only absolute paths mean something. Throws USAGE. */
export const absolutePath = (path: string, folder: string | undefined): string => {
  if (folder !== undefined) return resolve(folder, path);
  if (isAbsolute(path)) return path;
  const problem = `"${path}" is relative, but RBEE_QUEEN names a queen elsewhere; give its absolute path on that machine`;
  throw RbeeError.of('USAGE', { problem, help: 'docs/access.md' });
};
