/** Model folders for tests: the demo model, complete or damaged. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { whisperModel } from '../demo/whisper-model.ts';

export interface ModelFolder {
  /** A folder with the demo model's files; `change` replaces files, or omits them with undefined. */
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
