/** Access control: another user of the machine, a web page, a program on loopback. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createHome, fakePlugin, type TestHome } from '../harness/home.ts';

const run = promisify(execFile);
const root = process.getuid?.() === 0;
const asNobody = { uid: 65_534, gid: 65_534 };

let home: TestHome;
let url: string;
let worker: { id: string; port: number; pid: number };
before(async () => {
  home = createHome();
  worker = await home.json(['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', 'guarded']);
  ({ url } = await home.json(['queen', 'status']));
});
after(() => home.close());

interface Answer {
  status: number;
  body: string;
}

const send = (
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; socketPath?: string } = {},
) =>
  new Promise<Answer>((resolve, reject) => {
    const { method = 'POST', headers = {}, body = '', socketPath } = options;
    const target = socketPath === undefined ? { host: '127.0.0.1', port: new URL(url).port } : { socketPath };
    const call = request({ ...target, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.on('error', reject);
    call.end(body);
  });

const chat = JSON.stringify({ model: 'guarded', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] });
const json = { 'content-type': 'application/json' };
const code = (answer: Answer) => JSON.parse(answer.body).error.code;

test('a program on loopback needs no key for inference', async () => {
  const answer = await send('/v1/chat/completions', { headers: json, body: chat });
  assert.equal(answer.status, 200, answer.body);
  assert.equal(JSON.parse(answer.body).choices[0].message.content, 'token1 token2 ');
});

test('operations over TCP need a key', async () => {
  for (const [method, path] of [
    ['POST', '/v1/jobs'],
    ['GET', '/v1/workers'],
    ['GET', '/v1/jobs'],
    ['DELETE', '/v1/jobs/x'],
    ['GET', '/v1/status'],
  ] as const) {
    const answer = await send(path, {
      method,
      headers: method === 'POST' ? json : {},
      body: method === 'POST' ? '{"operation":"status","input":{}}' : '',
    });
    assert.equal(answer.status, 401, `${method} ${path}: ${answer.body}`);
  }
});

test('a web page can use neither inference nor anything else', async () => {
  const port = new URL(url).port;
  const pages: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { host: `evil.example:${port}` },
    { host: 'evil.example' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of pages) {
    const answer = await send('/v1/chat/completions', { headers: { ...json, ...headers }, body: chat });
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.equal(code(answer), 'forbidden_origin');
    assert.equal((await send('/v1/models', { method: 'GET', headers })).status, 403, JSON.stringify(headers));
  }
});

test('a web page may not send what a form could send without asking', async () => {
  const page = { 'sec-fetch-site': 'none' };
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = await send('/v1/chat/completions', { headers: { 'content-type': type, ...page }, body: chat });
    assert.equal(answer.status, 415, type);
    assert.equal(code(answer), 'unsupported_content_type');
  }
});

test('files, folders and sockets of rbee are accessible to its user alone', () => {
  const wrong: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if ((statSync(path).mode & 0o077) !== 0) wrong.push(path);
      if (entry.isDirectory()) walk(path);
    }
  };
  walk(home.paths.state);
  assert.deepEqual(wrong, []);
});

test('another user can neither operate nor read', { skip: !root && 'needs root to become another user' }, async () => {
  // Even if the home itself is open to all.
  for (const folder of [home.folder, join(home.folder, 'state')]) chmodSync(folder, 0o755);
  const tries = [
    `require('node:net').connect(${JSON.stringify(home.paths.queenSocket)}).on('connect', () => console.log('in')).on('error', (error) => console.log(error.code))`,
    `require('node:net').connect(${JSON.stringify(home.paths.hiveSocket)}).on('connect', () => console.log('in')).on('error', (error) => console.log(error.code))`,
    `try { require('node:fs').readdirSync(${JSON.stringify(home.paths.runs)}); console.log('in') } catch (error) { console.log(error.code) }`,
    `try { require('node:fs').readFileSync(${JSON.stringify(join(home.paths.runs, `${worker.id}.json`))}); console.log('in') } catch (error) { console.log(error.code) }`,
    `try { process.kill(${worker.pid}, 0); console.log('in') } catch (error) { console.log(error.code) }`,
    `try { require('node:fs').readFileSync('/proc/${worker.pid}/environ'); console.log('in') } catch (error) { console.log(error.code) }`,
  ];
  for (const script of tries) {
    const { stdout } = await run('/proc/self/exe', ['-e', script], { ...asNobody, cwd: '/', env: {} }).catch(() =>
      run(process.execPath, ['-e', script], { ...asNobody, cwd: '/', env: {} }),
    );
    assert.match(stdout, /^(EACCES|EPERM)\n$/, script);
  }
});

test('the port of a worker requires its key, which is in no command line and no view', async () => {
  const answer = await new Promise<number>((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: worker.port, path: '/v1/chat/completions', method: 'POST', headers: json },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    call.on('error', reject);
    call.end(chat);
  });
  assert.equal(answer, 401);
  const { stdout } = await run('ps', ['-eo', 'args']);
  const key = JSON.parse(
    await import('node:fs').then((fs) => fs.readFileSync(join(home.paths.runs, `${worker.id}.json`), 'utf8')),
  ).data.draft.apiKey;
  assert.ok(key.length > 20);
  assert.ok(!stdout.includes(key));
  for (const shown of [await home.json(['worker', 'get', worker.id]), await home.json(['status'])]) {
    assert.ok(!JSON.stringify(shown).includes(key));
  }
});

/** Plugin code may read its own folder, and Node followed a link out of it: any file of the user was exposed. */
test('a plugin with a link to a file of its user is refused, naming the link', async () => {
  const plugin = join(home.folder, 'plugin-with-a-link');
  cpSync(fakePlugin, plugin, { recursive: true });
  writeFileSync(join(home.folder, 'id_key'), 'a secret');
  symlinkSync('../id_key', join(plugin, 'notes.txt'));
  const { code, stderr } = await home.rbee(['plugins', 'link', plugin]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`the link notes\\.txt leads out of it, to ${home.folder}/id_key`));
});
