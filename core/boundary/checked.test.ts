import assert from 'node:assert/strict';
import { test } from 'node:test';
import Type from 'typebox';
import { optionValues, textOf } from '../contract/bounds.ts';
import { BadInput } from './bad-input.ts';
import { checked } from './checked.ts';

const worker = Type.Object({
  id: Type.String(),
  port: Type.Union([Type.Integer(), Type.Null()]),
  failure: Type.Union([Type.Object({ cause: Type.String() }), Type.Null()]),
  serves: Type.Array(Type.Object({ path: Type.String() })),
  options: optionValues,
  suspect: Type.Optional(Type.Boolean()),
});
const read = checked<Record<string, unknown>>(worker);
const good = {
  id: 'a',
  port: 1,
  failure: { cause: 'x' },
  serves: [{ path: '/' }],
  options: { context: 5, list: ['a'] },
};

test('a matching value is returned as an equal copy', () => {
  const copy = read(good);
  assert.deepEqual(copy, good);
  assert.notEqual(copy, good);
  assert.deepEqual(read({ ...good, failure: null, port: null }), { ...good, failure: null, port: null });
});

test('fields that the schema does not list are dropped at every depth', () => {
  const newer = {
    ...good,
    later: 1,
    failure: { cause: 'x', later: 1 },
    serves: [{ path: '/', later: {} }],
    options: { ...good.options, '': 1, 'a b': 1 },
  };
  assert.deepEqual(read(newer), good);
});

test('keys that reach the prototype of an object are dropped', () => {
  const hostile = JSON.parse(`{"__proto__":{"polluted":1},"options":{"__proto__":{"polluted":1}}}`);
  const copy = read({ ...good, ...hostile, options: hostile.options });
  assert.equal((copy as { polluted?: unknown }).polluted, undefined);
  assert.deepEqual(copy['options'], {});
});

test('free text that is too long is cut, also in optional fields', () => {
  const text = checked<{ a: string; b: string | null }>(
    Type.Object({ a: textOf(5), b: Type.Union([textOf(5), Type.Null()]) }),
  );
  assert.deepEqual(text({ a: 'x'.repeat(1_000), b: 'y'.repeat(1_000) }), { a: 'xxxx…', b: 'yyyy…' });
  assert.deepEqual(text({ a: 'short', b: null }), { a: 'short', b: null });
});

test('the error names the invalid field', () => {
  const cases: [unknown, RegExp][] = [
    [5, /^it must be object$/],
    [null, /^it must be object$/],
    [[], /^it must be object$/],
    [{ ...good, id: 7 }, /^id must be string$/],
    [{ ...good, serves: [{}] }, /^serves\.0\.path is missing$/],
    [{ ...good, serves: 'x' }, /^serves must be array$/],
    [{ ...good, options: { deep: { er: 1 } } }, /^options\.deep /],
  ];
  for (const [value, message] of cases) assert.throws(() => read(value), { message });
  assert.throws(() => read(5), BadInput);
});
