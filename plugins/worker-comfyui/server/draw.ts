/** Runs one graph in ComfyUI: queues it, follows its progress, and fetches the images. */
import { randomUUID } from 'node:crypto';
import { executionError, interrupted, type Refusal, refusedGraph } from './comfy-errors.ts';
import { Messages } from './messages.ts';
import type { Graph } from './workflow.ts';

export interface DrawOptions {
  /** Of ComfyUI. */
  url: string;
  graph: Graph;
  extraData: Readonly<Record<string, string>>;
  /** Fires when the client disconnects: the work is then removed from the queue or interrupted. */
  signal: AbortSignal;
  /** Called for each step of a node in the graph. */
  onStep(step: number, steps: number): void;
}

interface ImageFile {
  filename: string;
  subfolder: string;
  type: string;
}

interface History {
  outputs: Record<string, { images?: ImageFile[] }>;
  status?: { status_str: string; messages: [string, Record<string, unknown>][] };
}

/** Returns the images as ComfyUI saved them. Throws an `ApiError`, or the signal's reason. */
export const draw = async ({ url, graph, extraData, signal, onStep }: DrawOptions): Promise<Buffer[]> => {
  const client = randomUUID();
  const events = await Messages.open(`${url.replace(/^http/, 'ws')}/ws?clientId=${client}`, signal);
  try {
    // Do not abort this request: the work could already be queued, and nothing would remove it.
    const id = await submit(url, graph, { client_id: client, extra_data: extraData });
    try {
      await finished(events, id, url, signal, onStep);
      return await collect(url, id, signal);
    } finally {
      // Otherwise ComfyUI's history grows without limit.
      if (signal.aborted) void cancelPrompt(url, id);
      else void post(`${url}/history`, { delete: [id] }).catch(() => {});
    }
  } finally {
    events.close();
  }
};

const submit = async (
  url: string,
  prompt: Graph,
  about: { client_id: string; extra_data: Readonly<Record<string, string>> },
): Promise<string> => {
  const answer = await post(`${url}/prompt`, { prompt, ...about });
  const body = (await answer.json().catch(() => ({}))) as { prompt_id?: string } & Refusal;
  if (!answer.ok || body.prompt_id === undefined) throw refusedGraph(body, prompt);
  return body.prompt_id;
};

const ends = new Set(['execution_success', 'execution_error', 'execution_interrupted']);
/** After this long without a message, check the queue and the history. */
const silenceMs = 2000;

/** Follows the messages, or else the queue: the connection can break, and a user can clear the queue. */
const finished = async (
  events: Messages,
  id: string,
  url: string,
  signal: AbortSignal,
  onStep: DrawOptions['onStep'],
): Promise<void> => {
  for (;;) {
    const message = await events.next(silenceMs);
    signal.throwIfAborted();
    if (message === null) {
      if (await isQueued(url, id, signal)) continue;
      if ((await historyOf(url, id, signal)) === undefined) throw interrupted("it was removed from ComfyUI's queue");
      return;
    }
    const { type, data } = message;
    if (data.prompt_id !== id) continue;
    if (type === 'progress' && data.value !== undefined && data.max !== undefined) onStep(data.value, data.max);
    if (ends.has(type) || (type === 'executing' && data.node === null)) return;
  }
};

type Rows = [number: number, id: string][];

const isQueued = async (url: string, id: string, signal: AbortSignal): Promise<boolean> => {
  const answer = await fetch(`${url}/queue`, { signal });
  const { queue_running, queue_pending } = (await answer.json()) as { queue_running: Rows; queue_pending: Rows };
  return [...queue_running, ...queue_pending].some(([, queued]) => queued === id);
};

/** Finished work appears in the history a moment later. */
const maxAttempts = 40;

const collect = async (url: string, id: string, signal: AbortSignal): Promise<Buffer[]> => {
  let history: History | undefined;
  for (let look = 0; look < maxAttempts && history === undefined; look += 1) {
    if (look > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    history = await historyOf(url, id, signal);
  }
  if (history === undefined) throw interrupted('it is neither in the queue nor in the history of ComfyUI');
  const { status, outputs } = history;
  const failure = status?.messages.findLast(([type]) => type === 'execution_error')?.[1];
  if (failure !== undefined) throw executionError(failure);
  if (status?.messages.some(([type]) => type === 'execution_interrupted'))
    throw interrupted('it was interrupted in ComfyUI');
  const files = Object.values(outputs).flatMap(({ images = [] }) => images);
  // Previews count only if the workflow saves nothing.
  const saved = files.filter(({ type }) => type === 'output');
  return Promise.all((saved.length > 0 ? saved : files).map((file) => fetchImage(url, file, signal)));
};

const historyOf = async (url: string, id: string, signal: AbortSignal): Promise<History | undefined> => {
  const answer = await fetch(`${url}/history/${id}`, { signal });
  return ((await answer.json()) as Record<string, History>)[id];
};

const fetchImage = async (
  url: string,
  { filename, subfolder, type }: ImageFile,
  signal: AbortSignal,
): Promise<Buffer> => {
  const answer = await fetch(`${url}/view?${new URLSearchParams({ filename, subfolder, type })}`, { signal });
  if (!answer.ok) throw interrupted(`its image ${filename} cannot be read (${answer.status})`);
  return Buffer.from(await answer.arrayBuffer());
};

/** Older versions interrupt whatever is running, so check first that it is this prompt. */
const cancelPrompt = async (url: string, id: string): Promise<void> => {
  try {
    await post(`${url}/queue`, { delete: [id] });
    const { queue_running } = (await (await fetch(`${url}/queue`)).json()) as { queue_running: Rows };
    if (queue_running.some(([, running]) => running === id)) await post(`${url}/interrupt`, { prompt_id: id });
  } catch {
    // ComfyUI has ended, and the work with it.
  }
};

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
