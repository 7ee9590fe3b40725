/** A worker in front of `tiny-engine.ts`, for tests. */
import { join } from 'node:path';
import { type EngineProcess, startEngine } from '../engine-process.ts';
import { freePort } from '../free-port.ts';
import { runWorkerServer } from '../run.ts';

await runWorkerServer<{ engine: EngineProcess; url: string }>({
  name: 'adapter',
  host: '127.0.0.1',
  port: 0,
  models: ['tiny'],
  slots: 1,
  queueLimit: 1,
  env: process.env,
  load: async ({ signal, progress, log }) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const script = join(import.meta.dirname, 'tiny-engine.ts');
    const engine = await startEngine({
      argv: [process.execPath, script, '--port', String(port), ...process.argv.slice(2)],
      log,
      isReady: async (asking) => (await fetch(url, { signal: asking })).ok,
      progress: { pattern: /loading: (?<percent>\d+) %/, tell: progress },
      signal,
    });
    log(`engine ${engine.pid}`);
    return { engine, url };
  },
  unload: async ({ engine }) => void (await engine.stop()),
  routes: [
    { method: 'GET', path: '/engine/*', handler: async ({ rest }, { loaded }) => fetch(`${loaded.url}/${rest}`) },
  ],
});
