/** Writes the demo model to `models/demo` in this package, as part of its build. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tinyPipeline } from './tiny-pipeline.ts';
import { writeModel } from './write-model.ts';

const folder = join(import.meta.dirname, '../models/demo');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeModel(folder, tinyPipeline());
