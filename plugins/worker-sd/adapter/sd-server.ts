/** Runs sd-server for the image API: starts it, draws one image at a time, and restarts it to abort a drawing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type EngineProcess, exitCodes, freePort, type LoadContext, startEngine } from '@rbee/worker-server';
import { decodePicture } from '../images/encode.ts';
import type { Painter, PaintHooks, Picture } from '../images/painter.ts';
import type { Arguments } from './arguments.ts';
import { type Client, createClient, type Job } from './client.ts';
import { type BarState, readBar } from './progress.ts';

interface Running {
  process: EngineProcess;
  client: Client;
  /** Milliseconds from start to ready. */
  loadMs: number;
}

/** sd-server has no signal handler, so it ends at once. */
const stop = [{ signal: 'SIGTERM', graceMs: 2000 }] as const;
const pollMs = 100;
const wordsKept = 50;

/** Throws a `StartError` if it ends before it listens, even with exit code 0, which it uses if its port is in use. */
export const startSdServer = async ({ engine }: Arguments, context: LoadContext): Promise<Painter> => {
  const closing = new AbortController();
  const words: string[] = [];
  let seeBar: (bar: BarState) => void = () => {};

  const start = async (signal: AbortSignal, progress: (fraction: number) => void): Promise<Running> => {
    const port = await freePort();
    const client = createClient(`http://127.0.0.1:${port}`);
    const begun = performance.now();
    seeBar = ({ kind, done, total }) => {
      if (kind === 'load' && total > 0) progress(done / total);
    };
    const process = await startEngine({
      argv: [...engine, '--listen-ip', '127.0.0.1', '--listen-port', String(port)],
      log: context.log,
      onLine: (line) => {
        const bar = readBar(line);
        if (bar !== undefined) seeBar(bar);
        else if (words.push(line) > wordsKept) words.shift();
      },
      isReady: client.isReady,
      signal,
      stop,
    });
    return { process, client, loadMs: performance.now() - begun };
  };

  let running = await startOnSomePort((signal) => start(signal, context.progress), context);
  const capabilities = await running.client.capabilities();

  /** Aborts the drawing of a disconnected client. Holds the slot, so that the next request gets a new engine. */
  const restart = async () => {
    context.log('the client disconnected: restarting sd-server, which cannot abort a drawing');
    await running.process.stop();
    try {
      const { log } = context;
      running = await startOnSomePort((signal) => start(signal, () => {}), { signal: closing.signal, log });
    } catch (error) {
      if (closing.signal.aborted) return;
      context.log(`error: sd-server does not start again: ${(error as Error).message}`);
      process.exit(exitCodes.failed);
    }
  };

  return {
    facts: {
      ...capabilities,
      canEdit: true,
      about: { engine: 'sd-server', model: capabilities.model, size: capabilities.size, edits: true },
    },
    paint: async (order, hooks) => {
      const { client } = running;
      let state: BarState | undefined;
      const drawn = { step: 0 };
      seeBar = (bar) => {
        if (bar.kind !== 'draw') return;
        state = bar;
        // Progress bars are redrawn at every step, and again when full.
        while (drawn.step < bar.done) hooks.onStep(++drawn.step);
      };
      words.length = 0;
      const job = await client.submit(order);
      const outcome = await follow(client, job, hooks.signal);
      if (outcome !== 'unwanted') return pictureOf(outcome, words);
      const taken = await client.cancel(job.id);
      if (!taken) {
        const left = remainingMs(state, order.steps);
        if (left > running.loadMs) await restart();
        else await follow(client, job);
      }
      throw hooks.signal.reason;
    },
    close: async () => {
      closing.abort(new Error('the worker stops'));
      await running.process.stop();
    },
  };
};

/** Another process can take the chosen port. sd-server then just exits with 0. */
const startOnSomePort = async (
  start: (signal: AbortSignal) => Promise<Running>,
  { signal, log }: Pick<LoadContext, 'signal' | 'log'>,
): Promise<Running> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(signal);
    } catch (error) {
      if (attempt === maxAttempts || !/ended with exit code 0 /.test((error as Error).message)) throw error;
      log('sd-server ended without an error: trying another port');
    }
  }
};

const maxAttempts = 3;

/** Waits until the job ends or the signal fires. */
const follow = async (client: Client, job: Job, signal?: PaintHooks['signal']): Promise<Job | 'unwanted'> => {
  let last = job;
  while (last.status === 'queued' || last.status === 'generating') {
    if (signal?.aborted) return 'unwanted';
    await sleep(pollMs, undefined, { signal }).catch(() => {});
    if (signal?.aborted) return 'unwanted';
    last = await client.job(job.id);
  }
  return last;
};

/** Whether the rest of the drawing takes longer than loading the model again; if unknown, assume that it does. */
export const remainingMs = (state: BarState | undefined, steps: number): number =>
  state?.secondsPerStep === undefined
    ? Number.POSITIVE_INFINITY
    : (Math.max(steps, state.total) - state.done) * state.secondsPerStep * 1000;

const outOfMemory =
  /out of memory|failed to allocate|alloc compute buffer failed|insufficient memory|OutOfDeviceMemory/i;

const pictureOf = async ({ status, result, error }: Job, words: readonly string[]): Promise<Picture> => {
  const image = result?.images?.[0]?.b64_json;
  if (status === 'completed' && image !== undefined) return decodePicture(Buffer.from(image, 'base64'));
  if (words.some((line) => outOfMemory.test(line))) {
    throw new ApiError(500, 'server_error', 'there is not enough memory for an image of this size', {
      code: 'out_of_memory',
      param: 'size',
    });
  }
  const said = error?.message ?? error?.code ?? `the job is ${status} without an image`;
  throw new ApiError(500, 'server_error', `sd-server could not draw the image: ${said}`);
};
