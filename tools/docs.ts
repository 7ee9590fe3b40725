/** Writes the generated pages and the list of plugins. Tests fail if they are out of date. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPage } from './api-page.ts';
import { authoringFile, authoringPage } from './authoring-page.ts';
import { errorsPage } from './errors-page.ts';
import { pluginIndex, pluginIndexFile } from './plugin-index.ts';
import { bundledPlugins, pluginReadme, readmeFile } from './plugin-readme.ts';

const docs = join(import.meta.dirname, '../docs');
writeFileSync(join(docs, 'errors.md'), errorsPage());
writeFileSync(join(docs, 'api.md'), apiPage());
writeFileSync(authoringFile, authoringPage());
writeFileSync(pluginIndexFile, pluginIndex());
for (const plugin of bundledPlugins()) writeFileSync(readmeFile(plugin), await pluginReadme(plugin));
