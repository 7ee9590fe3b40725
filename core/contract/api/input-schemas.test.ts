import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import Type from 'typebox';
import { workerSpec } from '../worker.ts';
import { inputSchemas } from './input-schemas.ts';

const body = Type.Union([
  Type.Null(),
  Type.Object({ now: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
]);
const querystring = Type.Object({
  lines: Type.Integer({ minimum: 0, default: 100 }),
  follow: Type.Boolean({ default: false }),
});

const server = fastify({ schemaController: inputSchemas });
server.post('/stop', { schema: { body } }, ({ body }) => ({ body }));
server.post('/spawn', { schema: { body: workerSpec } }, ({ body }) => ({ body }));
server.get('/logs', { schema: { querystring } }, ({ query }) => query);
server.setErrorHandler((error, _request, reply) => reply.code(400).send(error));

const ask = async (method: 'GET' | 'POST', url: string, payload?: object | null) => {
  const headers = { 'content-type': 'application/json' };
  const request = payload === undefined ? {} : { headers, payload: JSON.stringify(payload) };
  const { statusCode, body } = await server.inject({ method, url, ...request });
  return { status: statusCode, answer: JSON.parse(body) };
};

test('valid input arrives converted, with defaults filled in', async () => {
  assert.deepEqual((await ask('GET', '/logs')).answer, { lines: 100, follow: false });
  assert.deepEqual((await ask('GET', '/logs?lines=7&follow=true')).answer, { lines: 7, follow: true });
  assert.deepEqual((await ask('POST', '/stop')).answer, { body: null });
  assert.deepEqual((await ask('POST', '/stop', null)).answer, { body: null });
  assert.deepEqual((await ask('POST', '/stop', { now: true })).answer, { body: { now: true } });
});

test('unknown fields are dropped, except where any field is allowed', async () => {
  assert.deepEqual((await ask('POST', '/stop', { now: false, gently: true })).answer, { body: { now: false } });
  const spec = { type: 'llamacpp', options: { anything: [1, { deep: null }] } };
  assert.deepEqual((await ask('POST', '/spawn', { ...spec, colour: 'red' })).answer.body.options, spec.options);
});

test('invalid input is refused, and the error names the field', async () => {
  const wrong = await ask('GET', '/logs?lines=many');
  assert.deepEqual([wrong.status, wrong.answer.message], [400, 'querystring/lines must be integer']);
  assert.equal((await ask('GET', '/logs?lines=-1')).answer.message, 'querystring/lines must be >= 0');
  assert.match((await ask('POST', '/spawn', {})).answer.message, /type/);
  assert.equal((await ask('POST', '/stop', [])).status, 400);
});
