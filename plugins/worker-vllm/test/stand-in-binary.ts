/** The stand-in as a program that can be put on PATH or named by RBEE_VLLM. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'vllm-stand-in.ts');
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** What a shell runs to become the stand-in. */
export const standInLine = `exec ${quoted(process.execPath)} ${quoted(script)} "$@"`;

/** Writes `vllm` into the folder, run by this very Node; gives its path. */
export const writeStandIn = (folder: string): string => {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'vllm');
  writeFileSync(path, `#!/bin/sh\n${standInLine}\n`, { mode: 0o755 });
  return path;
};
