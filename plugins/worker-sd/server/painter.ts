/** The builtin engine for the image API: sends drawings to the drawing thread, one at a time. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ApiError, exitCodes, StartError } from '@rbee/worker-server';
import type { Painter, Picture } from '../images/painter.ts';
import type { DrawMessage, ThreadData, ThreadMessage } from './messages.ts';

export interface PainterOptions extends Omit<ThreadData, 'cancelled'> {
  signal: AbortSignal;
  progress(fraction: number): void;
  log(line: string): void;
  /** Called when the thread has died and nothing can be drawn anymore. */
  onDeath(reason: string): void;
}

interface Drawing {
  onStep(step: number, preview?: Picture): void;
  note(text: string): void;
  drawn(picture: Picture): void;
  failed(error: Error): void;
}

/** Throws a `StartError` if the model cannot be loaded. */
export const startPainter = async (options: PainterOptions): Promise<Painter> => {
  const { model, provider, threads, signal, log } = options;
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { model, provider, threads, cancelled };
  const thread = new Worker(new URL(`./thread${extname(import.meta.filename)}`, import.meta.url), { workerData });
  let closing = false;
  let drawing: Drawing | undefined;
  let ids = 0;

  const facts = await new Promise<Painter['facts']>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    thread.on('message', (message: ThreadMessage) => {
      if (message.kind === 'loading') options.progress(message.fraction);
      else if (message.kind === 'ready') resolve(message.facts);
      else if (message.kind === 'failed') reject(new StartError(message.exitCode, message.message));
    });
    thread.once('error', (error: Error) =>
      reject(new StartError(exitCodes.failed, threadError(error), { cause: error })),
    );
    thread.once('exit', (code) => reject(new StartError(exitCodes.failed, `the drawing thread ended with ${code}`)));
  });

  thread.on('message', (message: ThreadMessage) => {
    if (message.kind === 'note') (drawing?.note ?? log)(message.text);
    if (!('id' in message) || message.id !== ids) return;
    if (message.kind === 'step') drawing?.onStep(message.step, message.preview);
    if (message.kind === 'drawn') drawing?.drawn(message.picture);
    if (message.kind === 'stopped') drawing?.failed(new Error('the drawing was cancelled'));
    if (message.kind === 'broken') drawing?.failed(drawingError(message.message));
  });
  const gone = (reason: string) => {
    if (closing) return;
    drawing?.failed(new ApiError(500, 'server_error', reason));
    options.onDeath(reason);
  };
  thread.once('error', (error: Error) => gone(threadError(error)));
  thread.once('exit', (code) => gone(`the drawing thread ended with ${code}`));

  return {
    facts,
    paint: async (order, hooks) => {
      hooks.signal.throwIfAborted();
      const id = ++ids;
      const cancel = () => Atomics.store(cancelled, 0, id);
      hooks.signal.addEventListener('abort', cancel, { once: true });
      try {
        return await new Promise<Picture>((resolve, reject) => {
          const { onStep, note } = hooks;
          drawing = { onStep, note, drawn: resolve, failed: reject };
          thread.postMessage({ id, order, previewAt: hooks.previewAt } satisfies DrawMessage);
        });
      } catch (error) {
        throw hooks.signal.aborted ? hooks.signal.reason : error;
      } finally {
        hooks.signal.removeEventListener('abort', cancel);
        drawing = undefined;
      }
    },
    close: async () => {
      closing = true;
      const ended = new Promise((resolve) => thread.once('exit', resolve));
      thread.postMessage('close');
      await ended;
    },
  };
};

const threadError = (error: Error) => `the drawing thread broke: ${error.message}`;

/** If an image does not fit into memory, the client can ask for a smaller one. */
const drawingError = (said: string): Error => {
  const message = said.replace(/\s+/g, ' ').trim();
  if (!/bad_alloc|out of memory|Failed to allocate memory|CUDA failure 2\b/i.test(message)) return new Error(message);
  return new ApiError(500, 'server_error', 'there is not enough memory for an image of this size', {
    code: 'out_of_memory',
    param: 'size',
  });
};
