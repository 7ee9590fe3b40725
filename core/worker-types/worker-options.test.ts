import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RbeeError } from '../contract/errors.ts';
import { resolveOptions } from './worker-options.ts';

const type = {
  name: 'echo',
  options: {
    type: 'object' as const,
    properties: {
      context: { type: 'integer' as const, description: 'Tokens', default: 2048, minimum: 16, maximum: 8192 },
      mode: { type: 'string' as const, description: 'How', default: 'fast', enum: ['fast', 'slow'] },
      verbose: { type: 'boolean' as const, description: 'Talk' },
      extra: { type: 'array' as const, description: 'More', items: { type: 'string' as const } },
    },
  },
};

const refusal = (given: Record<string, unknown>): string => {
  let refused = '';
  assert.throws(
    () => resolveOptions(type, given),
    (error: RbeeError) => {
      assert.equal(error.code, 'OPTION_INVALID');
      refused = `${error.message} | ${error.hint}`;
      return true;
    },
  );
  return refused;
};

test('defaults are filled in, and options without one are omitted', () => {
  assert.deepEqual(resolveOptions(type, {}), { context: 2048, mode: 'fast' });
  assert.deepEqual(resolveOptions(type, { context: 16, extra: ['a'] }), { context: 16, mode: 'fast', extra: ['a'] });
});

test('a type without options accepts none', () => {
  assert.deepEqual(resolveOptions({ name: 'bare', options: undefined }), {});
});

test('an unknown option is refused with a similar name', () => {
  assert.match(
    refusal({ contxt: 1 }),
    /option contxt of worker type echo: there is no such option \| did you mean context\?/,
  );
  assert.match(refusal({ constructor: 1 }), /there is no such option/);
});

test('the schema decides on types that a command line cannot express', () => {
  const { context, extra } = resolveOptions(type, { context: '4096', extra: ['a', 1, true] });
  assert.deepEqual([context, extra], [4096, ['a', '1', 'true']]);
  const plain = {
    name: 'echo',
    options: { type: 'object' as const, properties: { python: { type: 'string' as const, description: 'P' } } },
  };
  assert.deepEqual(resolveOptions(plain, { python: 3.11 }), { python: '3.11' });
});

// `--option languages=en` used to be refused with "must be a list", without saying how to write one.
test('a list is written with commas, as one value, or as several values', () => {
  const list = (extra: unknown) => resolveOptions(type, { extra })['extra'];
  assert.deepEqual(list('en'), ['en']);
  assert.deepEqual(list('en, de,'), ['en', 'de']);
  assert.deepEqual(list(''), []);
  assert.deepEqual(list(7), ['7']);
  assert.deepEqual(list(['with, comma', 'b']), ['with, comma', 'b']);
  const properties = { ports: { type: 'array' as const, description: 'P', items: { type: 'integer' as const } } };
  const numbers = { name: 'echo', options: { type: 'object' as const, properties } };
  assert.deepEqual(resolveOptions(numbers, { ports: '1,2' }), { ports: [1, 2] });
  assert.throws(() => resolveOptions(numbers, { ports: '1,x' }), /must be a whole number, not "x"/);
});

test('values of the wrong type or out of range are refused', () => {
  assert.match(refusal({ context: '2048 tokens' }), /must be a whole number/);
  assert.match(refusal({ context: 1.5 }), /must be a whole number/);
  assert.match(refusal({ context: 8 }), /at least 16/);
  assert.match(refusal({ context: [16, 32] }), /takes one value, not 2/);
  assert.match(refusal({ context: 1e9 }), /at most 8192/);
  assert.match(refusal({ mode: 'medium' }), /one of fast, slow/);
  assert.match(refusal({ mode: 'fast\0' }), /must be one of|character/);
  assert.match(refusal({ verbose: 'yes' }), /true or false/);
  assert.match(refusal({ extra: { a: 1 } }), /must be a list .*extra=a,b/);
  assert.match(refusal({ extra: ['a', null] }), /must be a string/);
});
