/** ComfyUI as the rest of the adapter sees it: it draws graphs, and says how long its queue is. */
import { basename } from 'node:path';
import type { LoadContext } from '@rbee/worker-server';
import type { Arguments } from './arguments.ts';
import { type Engine, startComfyUi } from './engine.ts';
import { QueueWatch } from './queue-watch.ts';

export interface Comfy {
  /** `http://127.0.0.1:PORT`, of ComfyUI itself. */
  url: string;
  /** What goes with each prompt beside its graph. */
  extraData: Readonly<Record<string, string>>;
  queue: QueueWatch;
  /** Checkpoint for graphs that ask for one; undefined when ComfyUI has none. */
  checkpoint(signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}

export const startComfy = async (options: Arguments, context: LoadContext): Promise<Comfy> => {
  const engine: Engine = await startComfyUi(options, context);
  const queue = new QueueWatch(engine.url);
  const given = options.checkpoint ?? (options.model === undefined ? undefined : basename(options.model));
  return {
    url: engine.url,
    // As ComfyUI's own example for API nodes without its web page has it.
    extraData: options.comfyOrgKey === undefined ? {} : { api_key_comfy_org: options.comfyOrgKey },
    queue,
    // Read each time: a user may have added one since.
    checkpoint: async (signal) => given ?? (await checkpoints(engine.url, signal))[0],
    close: async () => {
      queue.close();
      await engine.close();
    },
  };
};

/** Names as ComfyUI lists them: a list of its own, or one among the facts of a choice. */
const checkpoints = async (url: string, signal: AbortSignal): Promise<string[]> => {
  const answer = await fetch(`${url}/object_info/CheckpointLoaderSimple`, { signal });
  const { CheckpointLoaderSimple: node } = (await answer.json()) as {
    CheckpointLoaderSimple?: { input?: { required?: { ckpt_name?: [unknown, { options?: unknown }?] } } };
  };
  const [list, facts] = node?.input?.required?.ckpt_name ?? [];
  const names = Array.isArray(list) ? list : facts?.options;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
};
