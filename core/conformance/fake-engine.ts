/**
 * A fake engine: a real process that answers like an OpenAI-compatible engine, and misbehaves by flag.
 *
 *     node fake-engine.ts --port 18000 [flags]
 *
 * | flag | what it does |
 * |---|---|
 * | `--port N`, `--model NAME` | port on 127.0.0.1, and the name of its model (`fake`) |
 * | `--health-path PATH`, `--live-path PATH` | paths of its health check (`/health`): 503 while loading, then 200 |
 * | `--loading-status N`, `--ready-status N` | other statuses for these two |
 * | `--ready-after MS` | time that it takes to load (0) |
 * | `--load-lines N` | number of lines such as `loading 40%` that it prints while it loads |
 * | `--load-text TEXT` | prints this instead, with `{percent}` filled in |
 * | `--ready-line TEXT` | prints this line when it is ready |
 * | `--callback` | posts to RBEE_READY_PATH at RBEE_READY_SOCKET with RBEE_READY_TOKEN until that is acknowledged |
 * | `--never-ready` | listens, and answers 503 forever |
 * | `--no-listen` | runs without listening |
 * | `--wrong-port` | listens on another port |
 * | `--exit-before-ready` | ends while it loads, after `--exit-after` |
 * | `--exit-after MS`, `--exit-code N` | ends this long after it was ready, with this code (1) |
 * | `--die-with TEXT` | prints this line before it ends |
 * | `--unhealthy-after MS` | its health check answers 500 from this long after it was ready |
 * | `--rest-status N` | answers `POST /sleep` and `POST /wake` with this status (200), and does neither unless it is 200 |
 * | `--rest-silent` | never answers them |
 * | `--deaf` | ignores SIGTERM and SIGINT |
 * | `--fork-child` | starts a child that outlives it, and with `--deaf` ignores SIGTERM; prints `child pid N` |
 * | `--fork-away` | the same, but the child leaves its process group and loses its parent; prints `away pid N` |
 * | `--flood` | writes about 60 MB/s to its log |
 * | `--leash PID` | ends with its children when that process is gone |
 * | `--serve PATH` | also answers this path like a chat; can be repeated |
 * | `--metrics-path PATH`, `--running-metric NAME`, `--waiting-metric NAME` | other names for its metrics |
 * | `--token-interval MS` | pause between two tokens of a stream (0) |
 * | `--endless` | streams endlessly if the request has no `max_tokens` |
 * | `--half-stream` | breaks streams off in the middle |
 * | `--silent-stream` | sends nothing more from the middle of a stream, and keeps it open |
 *
 * Everything after `--` is for another program and is ignored.
 *
 * Besides chat and completions it serves `/v1/models`, `/metrics` (`rbee_requests_running`, `rbee_requests_waiting`) and
 * `/counters` (`{ requests, cancelled, running }`). With RBEE_API_KEY set, everything except the health check requires it as
 * bearer token.
 * After `POST /sleep` its health check answers 500 and everything else 503, until `POST /wake`; `/rests` counts both.
 * On SIGTERM it finishes running requests and exits with 0; on SIGUSR2 it exits at once, with `--exit-code`.
 */
import { spawn } from 'node:child_process';
import { createServer, request, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { FakeAnswers } from './fake-answers.ts';

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    model: { type: 'string', default: 'fake' },
    'health-path': { type: 'string', default: '/health' },
    'live-path': { type: 'string' },
    'loading-status': { type: 'string', default: '503' },
    'ready-status': { type: 'string', default: '200' },
    'ready-after': { type: 'string', default: '0' },
    'load-lines': { type: 'string', default: '0' },
    'load-text': { type: 'string', default: 'loading {percent}%' },
    'ready-line': { type: 'string' },
    callback: { type: 'boolean', default: false },
    'never-ready': { type: 'boolean', default: false },
    'no-listen': { type: 'boolean', default: false },
    'wrong-port': { type: 'boolean', default: false },
    'exit-before-ready': { type: 'boolean', default: false },
    'exit-after': { type: 'string' },
    'exit-code': { type: 'string', default: '1' },
    'die-with': { type: 'string' },
    'unhealthy-after': { type: 'string' },
    'rest-status': { type: 'string', default: '200' },
    'rest-silent': { type: 'boolean', default: false },
    deaf: { type: 'boolean', default: false },
    'fork-child': { type: 'boolean', default: false },
    'fork-away': { type: 'boolean', default: false },
    flood: { type: 'boolean', default: false },
    leash: { type: 'string' },
    serve: { type: 'string', multiple: true, default: [] },
    'metrics-path': { type: 'string', default: '/metrics' },
    'running-metric': { type: 'string', default: 'rbee_requests_running' },
    'waiting-metric': { type: 'string', default: 'rbee_requests_waiting' },
    'token-interval': { type: 'string', default: '0' },
    endless: { type: 'boolean', default: false },
    'half-stream': { type: 'boolean', default: false },
    'silent-stream': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

let health: 'loading' | 'ready' | 'unhealthy' = 'loading';

let asleep = false;
const rests = { sleeps: 0, wakes: 0 };

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const end = (code: number): void => {
  if (flags['die-with']) process.stderr.write(`${flags['die-with']}\n`);
  process.exit(code);
};

const answers = new FakeAnswers({
  model: flags.model,
  apiKey: process.env['RBEE_API_KEY'] ?? '',
  intervalMs: Number(flags['token-interval']),
  endless: flags.endless,
  paths: flags.serve,
  metrics: { path: flags['metrics-path'], running: flags['running-metric'], waiting: flags['waiting-metric'] },
  streams: flags['half-stream'] ? 'half' : flags['silent-stream'] ? 'silent' : 'whole',
});

const server = createServer((incoming, outgoing) => {
  const path = (incoming.url ?? '/').split('?', 1)[0] ?? '/';
  if (path === '/sleep' || path === '/wake' || path === '/rests') return rest(path, outgoing);
  if (path !== flags['health-path'] && path !== flags['live-path']) {
    if (asleep) outgoing.writeHead(503).end('asleep');
    else answers.answer(path, incoming, outgoing);
    return;
  }
  const status = { loading: Number(flags['loading-status']), ready: Number(flags['ready-status']), unhealthy: 500 };
  outgoing.writeHead(asleep ? 500 : status[health], { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ status: health === 'ready' ? 'ok' : health }));
});
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

const rest = (path: string, outgoing: ServerResponse): void => {
  if (path === '/rests') {
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(rests));
    return;
  }
  rests[path === '/sleep' ? 'sleeps' : 'wakes'] += 1;
  if (flags['rest-silent']) return;
  const status = Number(flags['rest-status']);
  if (status === 200) asleep = path === '/sleep';
  outgoing.writeHead(status).end(status === 200 ? '' : 'CUDA out of memory');
};

const listen = (): Promise<void> => {
  if (flags['no-listen']) return Promise.resolve();
  const port = flags['wrong-port'] ? 0 : Number(flags.port);
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      say(`listening on ${(server.address() as { port: number }).port}`);
      resolve();
    });
  });
};

const load = async (): Promise<void> => {
  const lines = Number(flags['load-lines']);
  const steps = Math.max(1, lines);
  for (let step = 1; step <= steps; step += 1) {
    await new Promise((resolve) => setTimeout(resolve, Number(flags['ready-after']) / steps));
    if (lines > 0) say(flags['load-text'].replace('{percent}', String(Math.round((step * 100) / steps))));
  }
};

const becomeReady = (): void => {
  health = 'ready';
  if (flags['ready-line']) say(flags['ready-line']);
  if (flags.callback) reportReady();
  if (flags['exit-after'] !== undefined) setTimeout(() => end(Number(flags['exit-code'])), Number(flags['exit-after']));
  if (flags['unhealthy-after'] !== undefined) {
    setTimeout(() => {
      health = 'unhealthy';
    }, Number(flags['unhealthy-after']));
  }
};

const reportReady = (): void => {
  const again = () => setTimeout(reportReady, 50);
  const outgoing = request(
    {
      socketPath: process.env['RBEE_READY_SOCKET'],
      path: process.env['RBEE_READY_PATH'],
      method: 'POST',
      headers: { authorization: `Bearer ${process.env['RBEE_READY_TOKEN']}` },
      agent: false,
    },
    (incoming) => {
      incoming.resume();
      if ((incoming.statusCode ?? 0) >= 300) again();
    },
  );
  outgoing.on('error', again);
  outgoing.end();
};

/** Checks whether the process that holds the leash exists. Source text, because the child runs it too. */
const look =
  flags.leash === undefined ? '' : `try { process.kill(${Number(flags.leash)}, 0) } catch { process.exit(1) }`;

const deaf = "process.on('SIGTERM', () => {}); process.on('SIGINT', () => {});";
const livingOn = `${flags.deaf ? deaf : ''} setInterval(() => { ${look} }, 1000)`;

const forkChild = (): void => {
  const child = spawn(process.execPath, ['-e', livingOn], { stdio: 'inherit' });
  child.unref();
  say(`child pid ${child.pid}`);
};

/** Like a daemon: its own session, and a parent that ends. */
const forkAway = (): void => {
  const parent = `
    const { spawn } = require('node:child_process');
    const options = { detached: true, stdio: 'inherit' };
    console.log('away pid ' + spawn(process.execPath, ['-e', ${JSON.stringify(livingOn)}], options).pid);
    process.exit();`;
  spawn(process.execPath, ['-e', parent], { stdio: 'inherit' });
};

const flood = (): void => {
  process.stdout.write(`${'flood '.repeat(20)}\n`.repeat(500));
  setTimeout(flood, 1);
};

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    say(`got ${signal}`);
    if (flags.deaf) return;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    if (flags['no-listen']) process.exit(0);
  });
}

if (flags.leash !== undefined) {
  setInterval(() => {
    try {
      process.kill(Number(flags.leash), 0);
    } catch {
      process.exit(1);
    }
  }, 1000).unref();
}
process.on('SIGUSR2', () => end(Number(flags['exit-code'])));
if (flags['fork-child']) forkChild();
if (flags['fork-away']) forkAway();
if (flags.flood) flood();
if (flags['exit-before-ready']) setTimeout(() => end(Number(flags['exit-code'])), Number(flags['exit-after'] ?? 0));
await listen();
if (flags['no-listen']) setInterval(() => {}, 1000);
await load();
if (!flags['never-ready'] && !flags['exit-before-ready']) becomeReady();
