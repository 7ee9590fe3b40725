/** The server in front of whisper.cpp's `whisper-server`: starts it, and serves OpenAI's API. */
import { randomBytes } from 'node:crypto';
import { freePort, startEngine } from '@rbee/worker-server';
import { checkGgmlModel } from './check-model.ts';
import { startEngines } from './engines.ts';
import { endWith, runWhisper } from './run.ts';

const host = '127.0.0.1';

await runWhisper(
  async (options, { signal, progress, log }) => {
    checkGgmlModel(options.model);
    const port = await freePort(host);
    // Two whisper-servers can listen on one port: only ours answers on this path.
    const secret = `/${randomBytes(16).toString('hex')}`;
    const engine = await startEngine({
      argv: [...options.engine, '--host', host, '--port', String(port), '--request-path', secret],
      log,
      isReady: (asking) => answers(`http://${host}:${port}${secret}`, asking),
      signal,
      // The first signal lets it finish, a second one ends it at once.
      stop: [
        { signal: 'SIGTERM', graceMs: 2000 },
        { signal: 'SIGTERM', graceMs: 1000 },
      ],
    });
    const { chunkSeconds, temperatureFallback } = options;
    const url = `http://${host}:${port}${secret}/inference`;
    try {
      const engines = await startEngines(
        { kind: 'whisper-server', url, chunkSeconds, temperatureFallback },
        1,
        { signal, progress },
        endWith,
      );
      return {
        transcribe: engines.transcribe,
        close: async () => {
          await Promise.all([engines.close(), engine.stop()]);
        },
      };
    } catch (error) {
      await engine.stop();
      throw error;
    }
  },
  // It transcribes one file at a time, and hides its queue.
  () => 1,
);

/** Every version serves a page here; only newer ones have a health path. */
async function answers(address: string, signal: AbortSignal): Promise<boolean> {
  for (const path of ['/health', '/']) if ((await fetch(address + path, { signal })).ok) return true;
  return false;
}
