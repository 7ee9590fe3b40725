/** The same fault has the same status and code at the address, whatever engine answers: a table for each engine. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { writeStandIn } from '../../plugins/worker-llamacpp/test/stand-in-binary.ts';
import { createHome, type TestHome } from '../harness/home.ts';

let home: TestHome;
let url: string;
before(async () => {
  home = createHome({ plugins: [resolve(import.meta.dirname, '../../plugins/worker-llamacpp')] });
  const folder = join(home.folder, 'programs');
  mkdirSync(folder);
  // With RBEE_LLAMA_SERVER it is the real one.
  home.env['RBEE_LLAMA_SERVER'] = process.env['RBEE_LLAMA_SERVER'] ?? writeStandIn(folder);
  url = (await home.json(['queen', 'start'])).url;
  await Promise.all(['builtin', 'llama-server'].map(spawn));
});
after(() => home.close());

const spawn = (engine: string) => {
  const options = [`engine=${engine}`, 'threads=1', 'context=512', 'slots=1'];
  const flags = options.flatMap((option) => ['--option', option]);
  return home.json([
    'worker',
    'spawn',
    '--type',
    'llamacpp',
    '--device',
    'cpu',
    '--model',
    'demo',
    '--name',
    engine,
    ...flags,
  ]);
};

interface Told {
  status: number;
  id: string | null;
  error: { message: string; type: string; code: string; param: string | null; hint: string };
}

const ask = async (path: string, body?: unknown, init: RequestInit = {}): Promise<Told> => {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'trace-7' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url + path, { method: 'POST', headers, body: text, ...init });
  const { error } = (await response.json()) as Told;
  return { status: response.status, id: response.headers.get('x-request-id'), error };
};

const checkShape = ({ status, id, error }: Told, what: string) => {
  assert.equal(id, 'trace-7', what);
  assert.deepEqual(Object.keys(error), ['message', 'type', 'code', 'param', 'hint'], what);
  assert.ok(error.message && error.hint, what);
  assert.equal(error.type, status < 500 ? 'invalid_request_error' : 'server_error', what);
};

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };

const faults: [what: string, path: string, body: object, status: number, code: string, param: RegExp][] = [
  ['no messages', chat, {}, 400, 'missing_required_parameter', /^messages$/],
  ['messages that are a text', chat, { messages: 'Hi' }, 400, 'invalid_value', /^messages$/],
  ['content that is a number', chat, { messages: [{ role: 'user', content: 5 }] }, 400, 'invalid_value', /^messages/],
  ['an image', chat, { messages: [{ role: 'user', content: [image] }] }, 400, 'unsupported_value', /^messages/],
  [
    'a long chat',
    chat,
    { messages: [{ role: 'user', content: 'x'.repeat(2_000) }] },
    400,
    'context_length_exceeded',
    /^messages$/,
  ],
  ['no prompt', '/v1/completions', {}, 400, 'missing_required_parameter', /^prompt$/],
  ['a long prompt', '/v1/completions', { prompt: 'x'.repeat(2_000) }, 400, 'context_length_exceeded', /^prompt$/],
];

for (const engine of ['builtin', 'llama-server']) {
  test(`${engine}: what is wrong with a request is said in the one shape`, async () => {
    for (const [what, path, body, status, code, param] of faults) {
      const told = await ask(path, { model: engine, ...body });
      assert.deepEqual([told.status, told.error.code], [status, code], `${what}: ${told.error.message}`);
      assert.match(told.error.param ?? 'null', param, what);
      checkShape(told, what);
    }
  });
}

test('what the gateway itself refuses has the same shape', async () => {
  const refused: [what: string, told: Promise<Told>, status: number, code: string, param: string | null][] = [
    ['an unknown model', ask(chat, { model: 'gpt-5', messages }), 404, 'model_not_found', 'model'],
    ['no model', ask(chat, { messages }), 400, 'invalid_input', 'model'],
    ['a model that is a number', ask(chat, { model: 5, messages }), 400, 'invalid_input', 'model'],
    ['two models', ask(chat, '{"model":"builtin","model":"builtin"}'), 400, 'invalid_input', 'model'],
    ['no JSON', ask(chat, '{"model":'), 400, 'invalid_input', null],
    ['a path of the other engine', ask('/tokenize', { model: 'builtin' }), 404, 'path_not_served', 'model'],
    ['an unknown path', ask('/v1/nothing', {}), 404, 'not_found', null],
    ['another method', ask(chat, undefined, { method: 'DELETE' }), 405, 'method_not_allowed', null],
  ];
  for (const [what, asked, status, code, param] of refused) {
    const told = await asked;
    assert.deepEqual([told.status, told.error.code, told.error.param], [status, code, param], what);
    checkShape(told, what);
  }
});

test('the command line keeps the codes of the catalogue', async () => {
  const unknown = await home.rbee(['infer', '-m', 'gpt-5', '--json', 'Hi']);
  assert.equal(JSON.parse(unknown.stdout).error.code, 'MODEL_NOT_FOUND');
  const long = await home.rbee(['infer', '-m', 'llama-server', '--json', 'x'.repeat(2_000)]);
  const { code, message } = JSON.parse(long.stdout).error;
  assert.equal(code, 'INVALID_INPUT');
  assert.match(message, /context/);
});
