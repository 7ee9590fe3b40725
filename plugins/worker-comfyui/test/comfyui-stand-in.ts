#!/usr/bin/env node
/**
 * A stand-in for ComfyUI: it imitates the command line, log, HTTP and WebSocket API, failures and signal handling, as
 * ComfyUI's documentation and sources describe them. It has not been compared with ComfyUI itself. It runs as a real process.
 * With `--fail=TEXT`, which ComfyUI does not have, it prints the text and exits while starting.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Refused, readStandInArguments } from './stand-in-arguments.ts';
import { type Graph, Queue } from './stand-in-queue.ts';
import { accept } from './web-socket.ts';

const say = (text: string) => process.stderr.write(`${text}\n`);
const readOrEnd = () => {
  try {
    return readStandInArguments(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(`usage: main.py [-h] [--listen [IP]] [--port PORT]\nmain.py: error: ${error.message}`);
    return process.exit(2);
  }
};
const options = readOrEnd();
const queue = new Queue();

const checkpoints = (): string[] => {
  const config = options.modelPaths === undefined ? {} : JSON.parse(readFileSync(options.modelPaths, 'utf8'));
  const folders = String(config['rbee']?.['checkpoints'] ?? '')
    .split('\n')
    .filter((folder) => existsSync(folder));
  const more = folders.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.safetensors')));
  return ['sd15.safetensors', ...more];
};

const json = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
};
const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

interface Submission {
  prompt?: Graph;
  client_id?: string;
  extra_data?: { api_key_comfy_org?: string };
}

const submit = (response: ServerResponse, { prompt, client_id = '', extra_data = {} }: Submission) => {
  const refuse = (type: string, message: string, node_errors = {}) =>
    json(response, { error: { type, message, details: '', extra_info: {} }, node_errors }, 400);
  if (prompt === undefined) return refuse('no_prompt', 'No prompt provided');
  const nodes = Object.entries(prompt);
  if (!nodes.some(([, { class_type }]) => /^(Save|Preview)Image$/.test(class_type))) {
    return refuse('prompt_no_outputs', 'Prompt has no outputs');
  }
  if (
    nodes.some(([, { class_type }]) => class_type === 'PartnerNode') &&
    extra_data.api_key_comfy_org !== 'comfy-key'
  ) {
    return refuse('unauthorized', 'Please login first to use this node.');
  }
  for (const [id, { class_type, inputs }] of nodes) {
    const name = inputs['ckpt_name'];
    if (class_type !== 'CheckpointLoaderSimple' || checkpoints().includes(String(name))) continue;
    const details = `ckpt_name: '${name}' not in ${JSON.stringify(checkpoints())}`;
    const error = { type: 'value_not_in_list', message: 'Value not in list', details, extra_info: {} };
    const failed = 'Prompt outputs failed validation';
    say(`invalid prompt: ${failed}`);
    return refuse('prompt_outputs_failed_validation', failed, {
      [id]: { errors: [error], dependent_outputs: [], class_type },
    });
  }
  json(response, { ...queue.add(prompt, client_id), node_errors: {} });
};

const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const path = pathname.replace(/^\/api(?=\/)/, '');
  const asked = `${request.method} ${path}`;
  const { running, pending, history, files } = queue;
  const body = request.method === 'POST' ? await readBody(request) : Buffer.alloc(0);
  const read = () => (body.length === 0 ? {} : JSON.parse(body.toString('utf8')));
  if (asked === 'GET /system_stats') {
    const devices = [{ name: options.cpu ? 'cpu' : 'cuda:0', type: options.cpu ? 'cpu' : 'cuda', index: 0 }];
    return json(response, { system: { comfyui_version: '0.3.64', argv: process.argv.slice(2) }, devices });
  }
  if (asked === 'POST /prompt') return submit(response, read());
  if (asked === 'GET /prompt')
    return json(response, { exec_info: { queue_remaining: pending.length + (running ? 1 : 0) } });
  if (asked === 'GET /queue') {
    const row = ({ number, id, graph }: { number: number; id: string; graph: Graph }) => [number, id, graph, {}, []];
    return json(response, { queue_running: running ? [row(running)] : [], queue_pending: pending.map(row) });
  }
  if (asked === 'POST /queue') {
    queue.remove(read().delete ?? []);
    return void response.writeHead(200).end();
  }
  if (asked === 'POST /interrupt') {
    queue.interrupt(read().prompt_id);
    return void response.writeHead(200).end();
  }
  if (asked === 'GET /history') return json(response, Object.fromEntries(history));
  if (asked === 'POST /history') {
    for (const id of read().delete ?? []) history.delete(id);
    return void response.writeHead(200).end();
  }
  if (asked.startsWith('GET /history/')) {
    const id = path.slice('/history/'.length);
    return json(response, history.has(id) ? { [id]: history.get(id) } : {});
  }
  if (asked === 'GET /view') {
    const file = files.get(searchParams.get('filename') ?? '');
    return void response.writeHead(file ? 200 : 404, { 'content-type': 'image/png' }).end(file);
  }
  if (asked === 'POST /upload/image') {
    const name = /filename="([^"]+)"/.exec(body.toString('latin1'))?.[1] ?? 'none';
    return json(response, { name, subfolder: '', type: 'input', bytes: body.length });
  }
  if (asked === 'GET /object_info/CheckpointLoaderSimple') {
    return json(response, { CheckpointLoaderSimple: { input: { required: { ckpt_name: [checkpoints(), {}] } } } });
  }
  return void response.writeHead(404).end('404: Not Found');
};

const serve = (): void => {
  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  server.on('upgrade', (request, socket) => {
    const listener = accept(request, socket, () => queue.listeners.delete(listener));
    queue.listeners.add(listener);
    listener.send(queue.status());
  });
  server.once('error', () => {
    say(
      `Port ${options.port} is already in use on address ${options.host}. Please close the other application or use a different port with --port.`,
    );
    process.exit(1);
  });
  // No handler for SIGTERM, which kills it.
  process.on('SIGINT', () => {
    say('\nStopped server');
    process.exit(0);
  });
  say('Total VRAM 24576 MB, total RAM 64000 MB\npytorch version: 2.9.0');
  say(`Device: ${options.cpu ? 'cpu' : 'cuda:0 NVIDIA'}\nComfyUI version: 0.3.64\nStarting server\n`);
  server.listen(options.port, options.host, () => say(`To see the GUI go to: http://${options.host}:${options.port}`));
};

if (options.fail === undefined) serve();
else {
  say(`Traceback (most recent call last):\n  File "main.py", line 132, in <module>\n${options.fail}`);
  process.exit(1);
}
