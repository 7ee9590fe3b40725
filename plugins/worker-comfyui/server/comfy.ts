/** The adapter's interface to ComfyUI. */
import { basename } from 'node:path';
import type { LoadContext } from '@rbee/worker-server';
import type { Arguments } from './arguments.ts';
import { type Engine, startComfyUi } from './engine.ts';
import { QueueWatch } from './queue-watch.ts';

export interface Comfy {
  /** ComfyUI's own address: `http://127.0.0.1:PORT`. */
  url: string;
  /** Extra data for each prompt. */
  extraData: Readonly<Record<string, string>>;
  queue: QueueWatch;
  /** The checkpoint for graphs that need one; undefined if ComfyUI has none. */
  checkpoint(signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}

export const startComfy = async (options: Arguments, context: LoadContext): Promise<Comfy> => {
  const engine: Engine = await startComfyUi(options, context);
  const queue = new QueueWatch(engine.url);
  const given = options.checkpoint ?? (options.model === undefined ? undefined : basename(options.model));
  return {
    url: engine.url,
    // As in ComfyUI's own example for API nodes.
    extraData: options.comfyOrgKey === undefined ? {} : { api_key_comfy_org: options.comfyOrgKey },
    queue,
    // Not cached: a user can add checkpoints at any time.
    checkpoint: async (signal) => given ?? (await checkpoints(engine.url, signal))[0],
    close: async () => {
      queue.close();
      await engine.close();
    },
  };
};

/** Names in ComfyUI's listings, which have two formats. */
const checkpoints = async (url: string, signal: AbortSignal): Promise<string[]> => {
  const answer = await fetch(`${url}/object_info/CheckpointLoaderSimple`, { signal });
  const { CheckpointLoaderSimple: node } = (await answer.json()) as {
    CheckpointLoaderSimple?: { input?: { required?: { ckpt_name?: [unknown, { options?: unknown }?] } } };
  };
  const [list, facts] = node?.input?.required?.ckpt_name ?? [];
  const names = Array.isArray(list) ? list : facts?.options;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
};
