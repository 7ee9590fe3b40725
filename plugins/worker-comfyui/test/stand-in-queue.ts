/** The stand-in's queue and worker: "draws" graphs, reports progress to all clients, and keeps a history. */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { png } from './png.ts';
import type { Listener } from './web-socket.ts';

export type Graph = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

interface Item {
  number: number;
  id: string;
  graph: Graph;
  client: string;
}

export interface History {
  prompt: unknown[];
  outputs: Record<string, { images: { filename: string; subfolder: string; type: string }[] }>;
  status: { status_str: 'success' | 'error'; completed: boolean; messages: [string, object][] };
  meta: object;
}

class Interrupted extends Error {}

/** These texts in a prompt cause a failure: `OUT OF MEMORY`, `BREAK`, or `FOR EVER`. */
export class Queue {
  readonly pending: Item[] = [];
  readonly history = new Map<string, History>();
  readonly files = new Map<string, Buffer>();
  readonly listeners = new Set<Listener>();
  running: Item | undefined;
  #interrupt = new AbortController();
  #count = 0;

  add(graph: Graph, client: string): { prompt_id: string; number: number } {
    const item = { number: this.#count++, id: randomUUID(), graph, client };
    this.pending.push(item);
    this.#tellAll();
    void this.#work();
    return { prompt_id: item.id, number: item.number };
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) {
      const at = this.pending.findIndex((item) => item.id === id);
      if (at !== -1) this.pending.splice(at, 1);
    }
    this.#tellAll();
  }

  interrupt(id?: string): void {
    if (id === undefined || this.running?.id === id) this.#interrupt.abort();
  }

  status(): object {
    const remaining = this.pending.length + (this.running ? 1 : 0);
    return { type: 'status', data: { status: { exec_info: { queue_remaining: remaining } } } };
  }

  #tellAll(): void {
    for (const listener of this.listeners) listener.send(this.status());
  }

  #tell(item: Item, type: string, data: object): void {
    for (const listener of this.listeners) {
      if (listener.id === item.client) listener.send({ type, data: { ...data, prompt_id: item.id } });
    }
  }

  async #work(): Promise<void> {
    if (this.running) return;
    const item = this.pending.shift();
    if (!item) return;
    this.running = item;
    this.#interrupt = new AbortController();
    const history: History = {
      prompt: [item.number, item.id, item.graph],
      outputs: {},
      status: { status_str: 'success', completed: true, messages: [] },
      meta: {},
    };
    process.stderr.write('got prompt\n');
    this.#tell(item, 'execution_start', {});
    try {
      await this.#run(item, history);
      this.#tell(item, 'execution_success', {});
    } catch (error) {
      const failure = error instanceof Interrupted ? {} : (error as { failure: object }).failure;
      const type = error instanceof Interrupted ? 'execution_interrupted' : 'execution_error';
      history.status = { status_str: 'error', completed: false, messages: [[type, failure]] };
      this.#tell(item, type, failure);
    }
    this.history.set(item.id, history);
    this.running = undefined;
    this.#tell(item, 'executing', { node: null });
    process.stderr.write('Prompt executed in 0.01 seconds\n');
    this.#tellAll();
    void this.#work();
  }

  async #run(item: Item, history: History): Promise<void> {
    const nodes = Object.entries(item.graph);
    const inputs = (type: string) => nodes.find(([, node]) => node.class_type === type)?.[1].inputs ?? {};
    const text = nodes
      .map(
        ([
          ,
          {
            inputs: { text: said },
          },
        ]) => said,
      )
      .join(' ');
    const steps = Number(inputs('KSampler')['steps'] ?? 1);
    const sampler = nodes.find(([, node]) => node.class_type === 'KSampler')?.[0] ?? '1';
    this.#tell(item, 'executing', { node: sampler });
    for (let step = 1; step <= steps || text.includes('FOR EVER'); step += 1) {
      await sleep(2);
      if (this.#interrupt.signal.aborted) throw new Interrupted();
      this.#tell(item, 'progress', { value: Math.min(step, steps), max: steps, node: sampler });
      for (const listener of this.listeners)
        if (listener.id === item.client) listener.sendBytes(Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 255]));
      const fail = (exception_type: string, exception_message: string) => {
        throw {
          failure: {
            prompt_id: item.id,
            node_id: sampler,
            node_type: 'KSampler',
            exception_type,
            exception_message,
            traceback: [],
          },
        };
      };
      if (text.includes('OUT OF MEMORY'))
        fail('torch.OutOfMemoryError', 'Allocation on device 0 would exceed allowed memory.');
      if (text.includes('BREAK'))
        fail('RuntimeError', 'mat1 and mat2 shapes cannot be multiplied (77x768 and 1024x320)');
    }
    const size = inputs('EmptyLatentImage');
    const [red = 0, green = 0, blue = 0] = createHash('sha256').update(JSON.stringify(item.graph)).digest();
    for (const [id, { class_type }] of nodes) {
      if (class_type !== 'SaveImage' && class_type !== 'PreviewImage') continue;
      const filename = `ComfyUI_${String(this.files.size + 1).padStart(5, '0')}_.png`;
      this.files.set(filename, png(Number(size['width'] ?? 64), Number(size['height'] ?? 64), [red, green, blue]));
      const images = [{ filename, subfolder: '', type: class_type === 'SaveImage' ? 'output' : 'temp' }];
      history.outputs[id] = { images };
      this.#tell(item, 'executed', { node: id, output: { images } });
    }
  }
}
