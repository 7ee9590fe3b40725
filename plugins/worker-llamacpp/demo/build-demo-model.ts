/** Writes the demo model to `models/demo.gguf` in this package, as part of its build. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chainModel } from './chain-model.ts';

const folder = join(import.meta.dirname, '../models');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'demo.gguf'), chainModel());
