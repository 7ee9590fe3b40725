/** Installs the stand-in as a program for the PATH or RBEE_LLAMA_SERVER. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'llama-server-stand-in.ts');
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Writes `llama-server` into the folder, to run with this Node. Returns its path. */
export const writeStandIn = (folder: string): string => {
  const path = join(folder, 'llama-server');
  writeFileSync(path, `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(script)} "$@"\n`, { mode: 0o755 });
  return path;
};
