/** A queen that answers with hostile text in every field of every shape, over a real socket. */
import { EventEmitter, once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import type { OperationName } from '../../core/contract/api/operations.ts';
import * as samples from './contract-samples.ts';
import { hostile, hostileLines, hostileText, keeping } from './hostile-text.ts';

export interface HostileQueen {
  close(): Promise<void>;
}

/** A request that contains this word ends with an error. */
export const failing = 'fails';

/** Views that depend on these states. */
const withStates = keeping('state', 'status', 'mode');

export const served = {
  status: hostile(samples.fleet, withStates),
  workers: hostile(samples.workerList),
  worker: hostile(samples.worker),
  hives: { hives: [hostile(samples.hive), hostile(samples.hive, withStates)] },
  hive: hostile(samples.hive),
  devices: hostile(samples.devices),
  models: { models: [hostile(samples.model)] },
  model: hostile(samples.model),
  jobs: { jobs: [hostile(samples.job)] },
  job: hostile(samples.job),
  secret: hostile(samples.secret, keeping('kind')),
  secrets: { secrets: [hostile(samples.secret, keeping('kind'))] },
  catalog: { types: [hostile(samples.catalogEntry)] },
  error: { error: hostile(samples.error) },
};

const sync = { plan: hostile(samples.plan, withStates), report: hostile(samples.report, withStates) };
const worker = served.worker;
const { model, hive } = served;

/** The result of each operation. */
const results: Record<OperationName, unknown> = {
  status: served.status,
  package_sync: sync,
  package_install: sync,
  package_uninstall: sync,
  package_status: hostile(samples.drift, withStates),
  package_validate: hostile(samples.validation, withStates),
  // The CLI saves this as a file, with line breaks of its own.
  package_migrate: { ...hostile(samples.migration), text: hostileLines },
  infer: hostile(samples.answer),
  model_load: { ...hostile({ model: 'x', worker: 'x' }), path: '/v1/answer' },
  model_unload: { workers: [worker] },
  key_create: hostile(samples.accessKey, withStates),
  key_list: { keys: [hostile(samples.accessKey, withStates)] },
  key_revoke: hostile(samples.accessKey, withStates),
  key_rotate: hostile(samples.accessKey, withStates),
  audit_list: { entries: [hostile(samples.auditEntry, withStates)] },
  model_download: model,
  model_list: served.models,
  model_get: model,
  model_delete: model,
  model_verify: { models: [hostile(samples.verification)] },
  model_gc: hostile(samples.collection),
  queen_status: served.status.queen,
  hive_list: served.hives,
  hive_get: hive,
  hive_status: hive,
  hive_start: hive,
  hive_stop: hive,
  hive_restart: hive,
  hive_ssh_test: hostile(samples.sshTest, withStates),
  hive_logs: hostile(samples.hiveLogs),
  hive_capabilities: served.devices,
  worker_spawn: worker,
  worker_stop: worker,
  worker_start: worker,
  worker_restart: worker,
  worker_sleep: worker,
  worker_wake: worker,
  worker_delete: worker,
  worker_process_list: served.workers,
  worker_process_get: worker,
  worker_catalog_list: served.catalog,
  secret_set: served.secret,
  secret_list: served.secrets,
  secret_delete: served.secret,
  worker_install: hostile(samples.plugin),
  worker_uninstall: hostile(samples.plugin),
  worker_update: { updates: [hostile(samples.pluginUpdate), { ...hostile(samples.pluginUpdate), changed: true }] },
  worker_link: hostile(samples.plugin),
  worker_prune: hostile(samples.pluginPrune),
  worker_plugin_list: { plugins: [hostile(samples.plugin)] },
  worker_plugin_inspect: hostile(samples.pluginDetails),
  worker_plugin_search: { plugins: [hostile(samples.pluginHit)] },
  worker_catalog_refresh: served.catalog,
};

const events = Object.values(samples.events).map((event) =>
  event.kind === 'text' ? { ...event, text: hostileLines } : hostile(event, withStates),
);

/** A question waits for an answer. Without a terminal, the job goes on unanswered. */
const question = { ...hostile(samples.question), secret: undefined };

/** `statusReads`: how often the fleet can be read before that fails too. */
export const startHostileQueen = async (
  socketPath: string,
  { statusReads = Number.POSITIVE_INFINITY } = {},
): Promise<HostileQueen> => {
  let left = statusReads;
  const answered = new EventEmitter();
  const json = (response: ServerResponse, body: unknown, status = 200): unknown =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  /** The id of a job says what it does. */
  const start = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const { operation, input } = JSON.parse(body) as { operation: string; input: { ask?: true } };
    const how = body.includes(failing) ? failing : input.ask ? 'asks' : 'goes';
    json(response, { job_id: `${hostileText} ${how} ${operation}` }, 202);
  };

  const play = async (id: string, response: ServerResponse): Promise<void> => {
    const [how, operation] = id.split(' ').slice(-2) as [string, OperationName];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const outcome =
      how === failing ? { kind: 'error', error: served.error.error } : { kind: 'result', result: results[operation] };
    for (const [index, event] of [...events, question, outcome].entries()) {
      response.write(`id: ${index + 1}\ndata: ${JSON.stringify({ ...event, seq: index + 1, at: hostileText })}\n\n`);
      if (how === 'asks' && event === question) await once(answered, 'answer');
    }
    response.end();
  };

  const read = (path: string, response: ServerResponse): unknown => {
    if (path.includes(failing)) return json(response, served.error, 404);
    const [, , noun = '', id, more] = path.split('?')[0]?.split('/').map(decodeURIComponent) ?? [];
    if (noun === 'status' && left-- <= 0) return json(response, served.error, 500);
    if (noun === 'jobs' && id !== undefined && more === 'events') return play(id, response);
    if (noun === 'workers' && more === 'logs') return log(response);
    if (noun === 'jobs' && id !== undefined) {
      return json(response, { ...served.job, operation: id.split(' ').at(-1) });
    }
    const one: Record<string, unknown> = {
      workers: worker,
      hives: more === 'devices' ? served.devices : more === 'models' ? model : hive,
    };
    const all = served as Record<string, unknown>;
    return json(response, (id === undefined ? undefined : one[noun]) ?? all[noun] ?? { version: hostileText });
  };

  /** Cut within a character. */
  const log = (response: ServerResponse): unknown => {
    const bytes = Buffer.from(`\u001b[1;32mgreen\u001b[0m ${hostileLines} \u{1f41d}\n`);
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    response.write(bytes.subarray(0, bytes.length - 3));
    return setTimeout(() => response.end(bytes.subarray(bytes.length - 3)), 20);
  };

  /** What an engine answers to an application: text, images, embeddings. */
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    if (body.includes('verbose_json') || body.includes('srt')) {
      response.writeHead(200).end(body.includes('srt') ? hostileLines : JSON.stringify({ text: hostileText }));
    } else if (body.includes('stream')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of [
        { type: 'transcript.text.delta', delta: hostileLines },
        { type: hostileText, step: 1, steps: 2 },
        { type: 'image_generation.completed', b64_json: 'aGk=' },
      ]) {
        response.write(`data: ${JSON.stringify(event)}\n\n`);
      }
      response.end();
    } else json(response, { data: [{ index: 0, embedding: [hostileText] }], usage: { [hostileText]: hostileText } });
  };

  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    if (method === 'GET') return read(url, response);
    if (url === '/v1/jobs') return start(request, response);
    if (method === 'DELETE') return json(response, served.job, 202);
    if (url.endsWith('/answers')) {
      answered.emit('answer');
      return response.writeHead(204).end();
    }
    return answer(request, response);
  });
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { close };
};
