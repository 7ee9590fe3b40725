import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldsToObject } from './fields.ts';

const schema = {
  type: 'object',
  properties: {
    count: { type: 'integer' },
    share: { type: ['number', 'null'] },
    stream: { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
    text: { type: 'string' },
    words: { type: 'array', items: { type: 'string' } },
    sizes: { type: ['array', 'null'], items: { type: 'number' } },
    strategy: { anyOf: [{ type: 'string' }, { type: 'object' }] },
    more: { type: 'object', properties: { depth: { type: 'integer' } } },
  },
};

describe('the fields of a form', () => {
  it('are converted to the types in the schema', () => {
    const cases: [fields: [string, string][], made: object][] = [
      [[['count', '3']], { count: 3 }],
      [[['share', ' .5 ']], { share: 0.5 }],
      [[['share', 'null']], { share: null }],
      [[['stream', 'True']], { stream: true }],
      [[['stream', '0']], { stream: false }],
      [[['text', '3']], { text: '3' }],
      [[['text', '']], { text: '' }],
      // An empty field counts as missing.
      [[['count', '']], {}],
      [[['words', 'a']], { words: ['a'] }],
      [
        [
          ['words[]', 'a'],
          ['words[]', 'b'],
        ],
        { words: ['a', 'b'] },
      ],
      [
        [
          ['sizes', '1'],
          ['sizes[]', '2'],
        ],
        { sizes: [1, 2] },
      ],
      [[['strategy', 'auto']], { strategy: 'auto' }],
      [[['more', '{"depth":2}']], { more: { depth: 2 } }],
      [[['more[depth]', '2']], { more: { depth: 2 } }],
      // The schema refuses these.
      [[['count', 'many']], { count: 'many' }],
      [[['more', '{']], { more: '{' }],
      [
        [
          ['text', 'a'],
          ['text', 'b'],
        ],
        { text: ['a', 'b'] },
      ],
      [[['unknown', '1']], { unknown: '1' }],
    ];
    for (const [fields, made] of cases) assert.deepEqual(fieldsToObject(fields, schema), made, JSON.stringify(fields));
  });

  it('never change the prototype of an object', () => {
    const made = fieldsToObject([['__proto__[loud]', 'yes']], {});
    assert.equal((made as { loud?: string }).loud, undefined);
    assert.equal(({} as { loud?: string }).loud, undefined);
  });
});
