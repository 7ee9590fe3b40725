/** A process that installs one program, for tests that kill it: `testing-install.ts SOURCE HOME`. */
import { join } from 'node:path';
import type { BinarySource } from '../contract/worker-type/worker-type.ts';
import { downloadCache } from './download-cache.ts';
import { ensureBinary } from './installer.ts';

const [source = '', home = ''] = process.argv.slice(2);

const binary = await ensureBinary(JSON.parse(source) as BinarySource, {
  plugin: { package: '@test/plugin', root: home, version: '1.0.0' },
  folders: { data: join(home, 'data'), cache: join(home, 'cache') },
  env: process.env,
  narrate: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  signal: new AbortController().signal,
  fetcher: downloadCache({}),
});
process.stdout.write(`${JSON.stringify({ kind: 'result', binary })}\n`);
