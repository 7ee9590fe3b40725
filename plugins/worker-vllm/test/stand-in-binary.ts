/** Installs the stand-in as a program for the PATH or RBEE_VLLM. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'vllm-stand-in.ts');
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The shell command that starts the stand-in. */
export const standInLine = `exec ${quoted(process.execPath)} ${quoted(script)} "$@"`;

/** Writes `vllm` into the folder, to run with this Node. Returns its path. */
export const writeStandIn = (folder: string): string => {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'vllm');
  writeFileSync(path, `#!/bin/sh\n${standInLine}\n`, { mode: 0o755 });
  return path;
};
