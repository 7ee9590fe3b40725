/**
 * The drawing thread. onnxruntime blocks the calling thread until a network has answered, for seconds with a large model. On
 * the main thread, this would block all requests, even health checks.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { StartError } from '@rbee/worker-server';
import type { PainterFacts } from '../images/painter.ts';
import type { DrawMessage, ThreadData, ThreadMessage } from './messages.ts';
import { drawPicture } from './pipeline/draw.ts';
import { loadPipeline, type Pipeline } from './pipeline/load.ts';
import { samplerNames } from './pipeline/samplers.ts';

const data = workerData as ThreadData;
const tell = (message: ThreadMessage) => parentPort?.postMessage(message);

class Unwanted extends Error {}

const start = async (): Promise<void> => {
  const pipeline = await loadPipeline(data.model, data, (fraction) => tell({ kind: 'loading', fraction }));
  parentPort?.on('message', (message: DrawMessage | 'close') => {
    if (message === 'close') void pipeline.close().finally(() => parentPort?.close());
    else void draw(pipeline, message);
  });
  tell({ kind: 'ready', facts: factsOf(pipeline) });
};

const draw = async (pipeline: Pipeline, { id, order, previewAt }: DrawMessage): Promise<void> => {
  try {
    const picture = await drawPicture(pipeline, order, {
      onStep: async (step, preview) => {
        if (Atomics.load(data.cancelled, 0) >= id) throw new Unwanted();
        tell({ kind: 'step', id, step, ...(previewAt.has(step) ? { preview: await preview() } : {}) });
      },
      note: (text) => tell({ kind: 'note', text }),
    });
    tell({ kind: 'drawn', id, picture });
  } catch (error) {
    if (error instanceof Unwanted) tell({ kind: 'stopped', id });
    else tell({ kind: 'broken', id, message: error instanceof Error ? error.message : String(error) });
  }
};

/** Distilled models draw in a few steps without guidance; others need more steps, and guidance. */
const factsOf = ({ folder, encoder, sampler, schedule, text }: Pipeline): PainterFacts => ({
  size: folder.size,
  steps: folder.isTurbo ? 4 : 25,
  guidance: folder.isTurbo ? 1 : 7.5,
  samplers: samplerNames,
  canEdit: encoder !== undefined,
  about: {
    size: folder.size,
    sampler,
    prediction: schedule.prediction,
    text_encoders: text.length,
    edits: encoder !== undefined,
  },
});

start().catch((error) => {
  const exitCode = error instanceof StartError ? error.exitCode : 1;
  const message = error instanceof Error ? error.message : String(error);
  tell({ kind: 'failed', exitCode, message });
  parentPort?.close();
});
