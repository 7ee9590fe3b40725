import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import type { StoredBody } from '../bodies/stored-body.ts';
import { withModel } from './rename-model.ts';

const json = ['content-type', 'application/json; charset=utf-8'];
const form = ['Content-Type', 'multipart/form-data; boundary=b'];

/** A body on disk that is read in pieces of this size. */
const stored = (bytes: Buffer, size: number): StoredBody => ({
  length: bytes.length,
  model: async () => undefined,
  read: () =>
    Readable.from(
      (function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      })(),
    ),
});

const renamed = async (text: string, to: string, headers: string[], target = '/x') => {
  const bytes = Buffer.from(text);
  const inMemory = await withModel({ target, headers, body: bytes }, to);
  assert.ok(Buffer.isBuffer(inMemory.body));
  const whole = inMemory.body.toString();
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const { body } = await withModel({ target, headers, body: stored(bytes, size) }, to);
    assert.ok(body && !Buffer.isBuffer(body));
    for (let nth = 0; nth < 2; nth += 1) {
      const read = Buffer.concat(await body.read().toArray());
      assert.equal(read.toString(), whole, `in pieces of ${size}`);
      assert.equal(read.length, body.length);
    }
  }
  return whole;
};

describe('renaming the model of a request', () => {
  it('changes its name in JSON and nothing else', async () => {
    for (const [before, after] of [
      ['{"model":"fast"}', '{"model":"dé\\"mo"}'],
      [
        '{ "a" : {"model":"x"}, "mod\\u0065l" :\n "f\\"ast" , "é": 1.0}',
        '{ "a" : {"model":"x"}, "mod\\u0065l" :\n "dé\\"mo" , "é": 1.0}',
      ],
      ['\uFEFF{"prompt":"é","model":""}', '\uFEFF{"prompt":"é","model":"dé\\"mo"}'],
      ['{"prompt":"no model"}', '{"prompt":"no model"}'],
    ] as const)
      assert.equal(await renamed(before, 'dé"mo', json), after);
  });

  it('changes its name in a form', async () => {
    const part = (name: string, content: string) =>
      `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
    const of = (model: string) =>
      `${part('file', 'a\r\n--x')}${part('model', model)}${part('model2', 'fast')}--b--\r\n`;
    assert.equal(await renamed(of('fast'), 'longer name', form), of('longer name'));
    assert.equal(
      await renamed(part('model', 'fast') + of('x').slice(0, 0) + '--b--', 'm', form),
      `${part('model', 'm')}--b--`,
    );
  });

  it('changes its name in the query, and leaves a request without a body as it is', async () => {
    const { target, body } = await withModel(
      { target: '/x?a=%20&mod%65l=fast&b', headers: [], body: null },
      'org/demo',
    );
    assert.deepEqual([target, body], ['/x?a=%20&model=org%2Fdemo&b', null]);
    assert.equal(await renamed('model', 'demo', ['content-type', 'audio/wav'], '/x'), 'model');
  });
});
