/** Pages in a real browser: those of other sites neither use a model nor start an operation, those of an allowed origin may ask. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';
import { noChromium, openPage } from './chromium.ts';
import { type Recorder, recorderTo } from './recorder.ts';

const script = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const attack = script('attack.js');
const allowed = script('allowed.js');
const model = 'guarded';

interface Report {
  name: string;
  /** What a hostile page could read or open. */
  succeeded?: string[];
  /** Status and body by what the page asked for. */
  answers?: Record<string, [number, string]>;
}

/** Serves pages by path, and takes the reports of all pages. */
const pages = new Map<string, string>();
const reports: Report[] = [];
const pageServer = async (): Promise<Server> => {
  const server = createServer(async (request, response) => {
    response.setHeader('connection', 'close');
    if (request.method === 'POST') reports.push(JSON.parse(await text(request)));
    response.setHeader('content-type', 'text/html').end(pages.get(request.url ?? '') ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};
const portOf = (server: Server) => (server.address() as AddressInfo).port;

const undo: (() => unknown)[] = [];
let server: Server;
let home: TestHome;
let queenPort: number;
let worker: { pid: number; port: number };

describe('a page in Chromium', { skip: noChromium }, () => {
  before(async () => {
    server = await pageServer();
    undo.push(() => server.close());
    home = createHome({ queen: `[gateway]\nallowed_origins = ["http://127.0.0.1:${portOf(server)}"]\n` });
    undo.push(() => home.close());
    worker = await home.json(['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', model]);
    queenPort = Number(new URL((await home.json(['queen', 'status'])).url).port);
  });
  after(async () => {
    for (const one of undo.splice(0).reverse()) await one();
  });

  /** Requests that the engine has answered. */
  const requestsAtEngine = async (): Promise<number> => {
    const environment = readFileSync(`/proc/${worker.pid}/environ`, 'utf8');
    const key = /(?:^|\0)RBEE_API_KEY=([^\0]*)/.exec(environment)?.[1];
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`http://127.0.0.1:${worker.port}/counters`, { headers });
    return ((await response.json()) as { requests: number }).requests;
  };
  const jobsOfQueen = async () => (await home.json(['job', 'list'])).jobs.map(({ id }: { id: string }) => id);

  const recorder = async (...args: Parameters<typeof recorderTo>): Promise<Recorder> => {
    const made = await recorderTo(...args);
    undo.push(() => made.close());
    return made;
  };
  const reportUrl = () => `http://evil.test:${portOf(server)}/report`;
  const call = (name: string, target: string) =>
    `attack(${JSON.stringify({ name, target, report: reportUrl(), model })})`;
  const reportOf = (name: string) =>
    until(() => reports.find((one) => one.name === name), { what: `the report of ${name}`, deadlineMs: 60_000 });
  const open = (url: string) => {
    const close = openPage(url, { loopbackNames: ['evil.test'] });
    undo.push(close);
    return close;
  };

  /**
   * A page tries everything: each request that arrived was refused, and all `expected` ones arrived. Chromium drops requests when
   * a network interface of the machine changes, so a page may need a second attempt.
   */
  const isRefused = async (expected: readonly string[], attempt: () => Promise<[string, Recorder][]>) => {
    const jobs = await jobsOfQueen();
    const before = await requestsAtEngine();
    for (let attempts = 1; ; attempts++) {
      const missing: string[] = [];
      for (const [name, { requests, statuses }] of await attempt()) {
        assert.deepEqual((await reportOf(name)).succeeded, []);
        await until(() => statuses.length >= requests.length, { what: 'the last answer' });
        assert.deepEqual([...new Set(statuses)], [403], name);
        missing.push(...expected.filter((one) => !requests.includes(one)).map((one) => `${one} of ${name}`));
      }
      reports.length = 0;
      if (missing.length === 0) break;
      assert.ok(attempts < 3, `the browser did not send: ${missing.join(', ')}`);
    }
    assert.equal(await requestsAtEngine(), before);
    assert.deepEqual(await jobsOfQueen(), jobs);
  };
  const sendable = ['POST /v1/chat/completions', 'POST /v1/jobs', 'GET /v1/models', 'GET /v1/jobs', 'GET /v1/workers'];
  const preflights = ['OPTIONS /v1/chat/completions', 'OPTIONS /v1/jobs'];

  it('of another site, another port or no origin reaches neither a worker nor an operation', async () => {
    await isRefused([...sendable, ...preflights], async () => {
      const [site, port, none] = await Promise.all([1, 2, 3].map(() => recorder(queenPort)));
      assert.ok(site && port && none);
      const to = ({ port }: Recorder) => `http://127.0.0.1:${port}`;
      const inner = `<body><script>${attack};${call('no origin', to(none))}</script>`;
      const escaped = inner.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
      const frame = `<iframe sandbox="allow-scripts allow-forms" srcdoc="${escaped}"></iframe>`;
      pages.set('/site', `<body>${frame}<script>${attack};${call('site', to(site))}</script>`);
      pages.set('/port', `<body><script>${attack};${call('port', to(port))}</script>`);
      const closing = [`http://evil.test:${portOf(server)}/site`, `http://localhost:${portOf(server)}/port`].map(open);
      for (const name of ['site', 'no origin', 'port']) await reportOf(name);
      for (const close of closing) await close();
      return [
        ['site', site],
        ['no origin', none],
        ['port', port],
      ];
    });
  });

  it('whose name is rebound to the address of the queen reaches neither a worker nor an operation', async () => {
    // Without a preflight: to the browser, this is the page's own site.
    await isRefused([...sendable, 'DELETE /v1/jobs/one'], async () => {
      let isRebound = false;
      const site = await recorder(queenPort, (socket) => {
        if (!isRebound) server.emit('connection', socket);
        return !isRebound;
      });
      server.once('request', () => {
        isRebound = true;
      });
      // After the page, its port leads to the queen.
      const run = `setTimeout(() => ${call('rebound', `http://evil.test:${site.port}`)}, 500)`;
      pages.set('/rebound', `<body><script>${attack};${run}</script>`);
      const close = open(`http://evil.test:${site.port}/rebound`);
      await reportOf('rebound');
      await close();
      assert.ok(!site.requests.some((one) => one.startsWith('OPTIONS')));
      return [['rebound', site]];
    });
  });

  it('of an allowed origin gets answers from models, and starts no operation', async () => {
    const jobs = await jobsOfQueen();
    const before = await requestsAtEngine();
    const target = `http://localhost:${queenPort}`;
    const settings = JSON.stringify({ name: 'allowed', target, report: reportUrl(), model });
    pages.set('/allowed', `<body><script>${allowed};ask(${settings})</script>`);
    const close = open(`http://127.0.0.1:${portOf(server)}/allowed`);
    const { answers = {} } = await reportOf('allowed');
    await close();
    const statuses = Object.fromEntries(Object.entries(answers).map(([what, [status]]) => [what, status]));
    assert.deepEqual(statuses, { chat: 200, stream: 200, text: 415, job: 401, models: 200 });
    assert.match(answers['chat']?.[1] ?? '', /token1 token2/);
    assert.match(answers['stream']?.[1] ?? '', /data: \[DONE\]\n\n$/);
    assert.match(answers['models']?.[1] ?? '', /"id":"guarded"/);
    assert.equal(await requestsAtEngine(), before + 2);
    assert.deepEqual(await jobsOfQueen(), jobs);
  });
});
