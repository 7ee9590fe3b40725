/** Models in folders of their own, for tests: the demo model, whole or spoilt. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { whisperModel } from '../demo/whisper-model.ts';

export interface ModelFolder {
  /** A folder with the demo model's files; `change` puts others in their place, or leaves them out with undefined. */
  write(change?: Readonly<Record<string, Buffer | string | undefined>>): string;
  /** A file. */
  file(name: string, bytes: Buffer | string): string;
  remove(): void;
}

export const createModelFolder = (): ModelFolder => {
  const root = mkdtempSync(join(tmpdir(), 'rbee-whisper-'));
  let count = 0;
  return {
    write: (change = {}) => {
      count += 1;
      const folder = join(root, `model ${count}`);
      for (const [path, bytes] of Object.entries({ ...whisperModel(), ...change })) {
        if (bytes === undefined) continue;
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), bytes);
      }
      return folder;
    },
    file: (name, bytes) => {
      writeFileSync(join(root, name), bytes);
      return join(root, name);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
};
