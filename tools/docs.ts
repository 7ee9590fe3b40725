/** Writes the pages that are made from the code. A test keeps them equal to it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPage } from './api-page.ts';
import { authoringFile, authoringPage } from './authoring-page.ts';
import { errorsPage } from './errors-page.ts';

const docs = join(import.meta.dirname, '../docs');
writeFileSync(join(docs, 'errors.md'), errorsPage());
writeFileSync(join(docs, 'api.md'), apiPage());
writeFileSync(authoringFile, authoringPage());
