/**
 * Hives that lie, all in one process on one machine. Each listens on its own socket, reports the truth of the real hive
 * behind it plus a worker of its own, and misbehaves on command while it runs.
 *
 * Usage: `node lying-hive.ts FOLDER`
 *
 * `FOLDER/setup.json` lists the liars; `FOLDER/control.sock` takes commands. It is copied to machines that have nothing
 * from this repository, with `lies/` beside it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { hiveLies } from './lies/hive-lies.ts';
import type { About, Anything, HiveLie, Reply } from './lies/lie.ts';
import { sameLine } from './lies/lie.ts';
import { trapLies } from './lies/told.ts';

/** What the test writes for it. */
export interface LiarSetup {
  /** Socket of the real hive of the machine. */
  hive: string;
  liars: readonly Omit<About, 'truth' | 'port'>[];
}

/** What the traps recorded, and the requests that each liar got. */
export interface Heard {
  /** `GET /v1/state`, oldest first, by alias. */
  requests: Readonly<Record<string, readonly string[]>>;
  /** Connections to ports that belong to no worker. */
  baits: number;
  /** Headers and body of each request to the trap. */
  trapped: readonly string[];
}

interface Liar {
  about: About;
  lie: HiveLie | undefined;
  /** Open heartbeat streams. */
  streams: Set<IncomingMessage['socket']>;
  requests: string[];
}

const folder = process.argv[2] ?? '.';
const setup = JSON.parse(readFileSync(join(folder, 'setup.json'), 'utf8')) as LiarSetup;
const lies = new Map([...hiveLies, ...trapLies].map((lie) => [lie.name, lie]));
const liars = new Map<string, Liar>();
let baits = 0;
const trapped: string[] = [];

const serveLiar = (liar: Liar): Promise<void> => {
  const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, async (request, response) => {
    request.socket.on('error', () => {});
    response.on('error', () => {});
    const reply = replyTo(liar, request, response, await bodyOf(request).catch(() => ''));
    const route = routeOf(request);
    if (liar.requests.length < 1_000) liar.requests.push(`${request.method} ${request.url}`);
    if (route === 'GET /v1/heartbeats') liar.streams.add(request.socket);
    const { lie } = liar;
    if (route === 'GET /v1/heartbeats' && lie?.beats) return lie.beats(reply, truthOf(liar));
    const answer = lie?.answers?.[route] ?? truths[route];
    if (answer) answer(reply);
    else reply.truly();
  });
  return new Promise((resolve) => server.listen(join(folder, `${liar.about.alias}.sock`), () => resolve()));
};

const replyTo = (liar: Liar, request: IncomingMessage, response: ServerResponse, body: string): Reply => ({
  request,
  response,
  body,
  about: liar.about,
  truly: () => passOn(request, response, body),
  json: (value, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  },
  lines: (...values) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.end(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  },
  raw: (text) => void request.socket.write(text),
  pour: (piece, { everyMs } = {}) => pour(response, piece, everyMs),
  cut: () => void request.socket.destroy(),
});

/** Enough to do harm where nothing is bounded. */
const maxPouredBytes = 512 * 2 ** 20;

const pour = (response: ServerResponse, piece: (nth: number) => string | Buffer, everyMs: number | undefined): void => {
  let nth = 0;
  let poured = 0;
  const next = (): boolean => {
    const text = piece(nth);
    nth += 1;
    poured += text.length;
    return response.write(text);
  };
  if (everyMs !== undefined) {
    next();
    const timer = setInterval(next, everyMs);
    response.on('close', () => clearInterval(timer));
    return;
  }
  const go = (): void => {
    if (response.destroyed || poured > maxPouredBytes) return;
    // Lets the rest of this process run between two pieces.
    if (next()) setImmediate(go);
    else response.once('drain', go);
  };
  go();
};

/** Its state: the truth of the machine with one worker of its own, or what its lie makes of that. */
const tell = (liar: Liar): unknown => {
  const state = truthOf(liar);
  return liar.lie?.state ? liar.lie.state(state, liar.about) : state;
};

const truthOf = ({ about }: Liar): Anything => structuredClone(about.truth);

/** The routes it answers itself; the real hive answers the rest. */
const truths: Readonly<Record<string, (reply: Reply) => void>> = {
  'GET /v1/heartbeats': (reply) => {
    const liar = liars.get(reply.about.alias)!;
    reply.response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const text = `${sameLine(tell(liar))}\n`;
    reply.pour((nth) => (nth === 0 ? text : '{"kind":"tick","revision":1}\n'), { everyMs: 1_000 });
  },
  'GET /v1/state': (reply) => reply.json(tell(liars.get(reply.about.alias)!)),
  'GET /v1/workers/:id/logs': (reply) => void reply.response.end('a line\n'),
  ...Object.fromEntries(
    ['start', 'stop', 'restart', 'sleep', 'wake'].map((action) => [
      `POST /v1/workers/:id/${action}`,
      (reply: Reply) => changed(reply),
    ]),
  ),
  'POST /v1/workers': (reply) => changed(reply),
  'DELETE /v1/workers/:id': (reply) => changed(reply),
};

const changed = (reply: Reply): void => {
  const text = 'looking after the worker';
  const [result] = reply.about.truth.workers;
  reply.lines(
    { kind: 'step', id: 'work', text },
    { kind: 'done', id: 'work', text, ms: 1 },
    { kind: 'result', result },
  );
};

const passOn = (request: IncomingMessage, response: ServerResponse, body: string): void => {
  const { method, url: path, headers } = request;
  const call = httpRequest({ socketPath: setup.hive, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  call.on('error', () => request.socket.destroy());
  response.on('close', () => call.destroy());
  call.end(body);
};

const routeOf = ({ method, url = '' }: IncomingMessage): string => {
  const path = url.split('?')[0]!.replace(/^(\/v1\/workers\/)[^/]+/, '$1:id');
  return `${method} ${path}`;
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
};

/** `PUT /lies` with `{ alias: lie or null }` also restarts the heartbeats. `GET /heard` returns what was recorded. */
const control = createServer(async (request, response) => {
  if (request.method === 'PUT') {
    const told = JSON.parse(await bodyOf(request)) as Record<string, string | null>;
    for (const [alias, name] of Object.entries(told)) {
      const liar = liars.get(alias)!;
      liar.lie = name === null ? undefined : lies.get(name);
      if (name !== null && !liar.lie) throw new Error(`there is no lie ${name}`);
      for (const socket of liar.streams) socket.destroy();
      liar.streams.clear();
    }
    response.end('{}');
    return;
  }
  const requests = Object.fromEntries([...liars].map(([alias, liar]) => [alias, liar.requests]));
  response.end(JSON.stringify({ requests, baits, trapped } satisfies Heard));
});

const stateOfHive = (): Promise<Anything> =>
  new Promise((resolve, reject) => {
    httpRequest({ socketPath: setup.hive, path: '/v1/state' }, async (answer) =>
      resolve(JSON.parse(await bodyOf(answer))),
    )
      .on('error', reject)
      .end();
  });

const listenOn = (port: number, server: { listen(port: number, host: string, then: () => void): unknown }) =>
  new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));

process.on('uncaughtException', (error) => console.error(error));
const real = await stateOfHive();
for (const about of setup.liars) {
  const [worker] = real.workers;
  const own = { ...worker, id: about.worker, model: about.model, names: [about.model], hive: about.alias };
  const machineId = createHash('sha256').update(about.alias).digest('hex').slice(0, real.machineId.length);
  const truth = { ...real, machineId, hostname: about.alias, instance: about.alias, workers: [own] };
  const liar: Liar = {
    about: { ...about, port: worker.port, truth },
    lie: undefined,
    streams: new Set(),
    requests: [],
  };
  liars.set(about.alias, liar);
  await serveLiar(liar);
}
const [some] = setup.liars;
for (const port of some?.baits ?? []) {
  await listenOn(
    port,
    createTcpServer((socket) => {
      baits += 1;
      socket.on('error', () => {}).destroy();
    }),
  );
}
const trap = createServer(async (request, response) => {
  trapped.push(`${JSON.stringify(request.headers)} ${await bodyOf(request)}`);
  response.writeHead(200, { 'content-type': 'application/json' });
  const message = { role: 'assistant', content: 'trapped' };
  response.end(JSON.stringify({ model: 'evil', choices: [{ index: 0, message, finish_reason: 'stop' }] }));
});
if (some) await listenOn(some.trap, trap);
control.listen(join(folder, 'control.sock'));
