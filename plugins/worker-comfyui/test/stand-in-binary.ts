/** Installs the stand-in as a program, or as a folder with its own environment. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'comfyui-stand-in.ts');
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const start = `exec ${quoted(process.execPath)} ${quoted(script)} "$@"`;

/** Writes a program that starts it. Returns its path. */
export const writeProgram = (folder: string): string => {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'comfyui');
  writeFileSync(path, `#!/bin/sh\n${start}\n`, { mode: 0o755 });
  return path;
};

/** Writes a folder with `main.py`, and a `venv` whose Python always runs the stand-in. */
export const writeFolder = (folder: string): string => {
  mkdirSync(join(folder, 'venv/bin'), { recursive: true });
  writeFileSync(join(folder, 'main.py'), 'raise SystemExit("never run")\n');
  writeFileSync(join(folder, 'venv/bin/python'), `#!/bin/sh\nshift\n${start}\n`, { mode: 0o755 });
  return folder;
};
