/** Writes the demo model to `models/demo` in this package, as part of its build. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { whisperModel } from './whisper-model.ts';

const folder = join(import.meta.dirname, '../models/demo');
for (const [path, bytes] of Object.entries(whisperModel())) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), bytes);
}
