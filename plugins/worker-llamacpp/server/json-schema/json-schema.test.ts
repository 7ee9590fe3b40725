import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { validatorOf } from '../../test/json-schema-validator.ts';
import { randomSchema } from '../../test/random-schemas.ts';
import { sampleText } from '../../test/sample-grammar.ts';
import { SchemaProblem } from './budget.ts';
import { compileJsonSchema } from './compile.ts';
import { print } from './grammar.ts';

const require = createRequire(import.meta.url);
const fullScale = process.env['RBEE_TEST_SCALE'] === 'full';

/** Random numbers from 0 up to 1, the same for the same seed. */
const randomFrom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const samplesOf = (schema: unknown, count: number, seed = 1): unknown[] => {
  const grammar = compileJsonSchema(schema);
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => JSON.parse(sampleText(grammar, random)));
};

const assertObeyed = (schema: object, count: number, seed?: number) => {
  const validate = validatorOf(schema);
  for (const value of samplesOf(schema, count, seed)) {
    assert.ok(validate(value), `${JSON.stringify(value)} is not valid by ${JSON.stringify(schema)}`);
  }
};

const problemOf = (schema: unknown): SchemaProblem => {
  try {
    compileJsonSchema(schema);
  } catch (error) {
    if (error instanceof SchemaProblem) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `${JSON.stringify(schema).slice(0, 200)} is taken` });
};

const array = { type: 'array' };
const object = { type: 'object' };
const string = { type: 'string' };
const integer = { type: 'integer' };

/** For each keyword: schemas that the engine obeys, and schemas for which it refuses the keyword. */
const keywords: Readonly<Record<string, { obeyed?: object[]; refused?: object[] }>> = {
  $id: {
    obeyed: [{ $id: 'https://example.com/a', $ref: 'https://example.com/a#/$defs/b', $defs: { b: { const: 1 } } }],
    refused: [{ anyOf: [{ $id: 'https://example.com/b', type: 'null' }] }],
  },
  $schema: { obeyed: [{ $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'null' }] },
  $ref: {
    obeyed: [
      { $ref: '#/definitions/n', definitions: { n: { type: 'integer', maximum: 3 } } },
      { ...object, properties: { a: integer, b: { $ref: '#/properties/a' } }, required: ['a', 'b'] },
      { ...object, properties: { next: { $ref: '#' }, n: integer }, required: ['n'] },
      { $ref: '#/$defs/a%25b~1c', $defs: { 'a%b/c': { const: 'x' } } },
      { $ref: '#/$defs/n', minimum: 5, $defs: { n: { type: 'integer', maximum: 9 } } },
      { allOf: [{ $ref: '#/$defs/n' }], $defs: { n: { type: 'integer', minimum: 7, maximum: 9 } } },
    ],
    refused: [{ $ref: 'https://example.com/schema' }, { $ref: '#/$defs/none' }, { anyOf: [{ $ref: '#' }, integer] }],
  },
  $anchor: { obeyed: [{ $ref: '#here', $defs: { any: { $anchor: 'here', const: 4 } } }] },
  $dynamicRef: { refused: [{ $dynamicRef: '#node' }] },
  $dynamicAnchor: { obeyed: [{ $dynamicAnchor: 'node', type: 'integer' }] },
  $recursiveRef: { refused: [{ $recursiveRef: '#' }] },
  $recursiveAnchor: { refused: [{ $recursiveAnchor: true }] },
  $vocabulary: { obeyed: [{ $vocabulary: {}, type: 'null' }] },
  $comment: { obeyed: [{ $comment: 'c', type: 'null' }] },
  $defs: { obeyed: [{ $ref: '#/$defs/a', $defs: { a: { enum: ['x', 'y'] } } }] },
  definitions: { obeyed: [{ $ref: '#/definitions/a', definitions: { a: { enum: ['x', 'y'] } } }] },

  allOf: {
    obeyed: [
      { allOf: [{ type: 'integer', minimum: 3 }, { maximum: 5 }] },
      {
        allOf: [
          { ...object, properties: { a: integer }, required: ['a'] },
          { properties: { a: { minimum: 2 }, b: string }, required: ['b'] },
        ],
      },
      { allOf: [{ pattern: '^a' }, { pattern: 'z$' }], type: 'string', maxLength: 9 },
      { allOf: [{ ...object, properties: { a: integer } }, { additionalProperties: { minimum: 3 } }], required: ['a'] },
    ],
    refused: [{ allOf: [] }],
  },
  anyOf: {
    obeyed: [
      { anyOf: [integer, { type: 'string', maxLength: 2 }] },
      { ...object, properties: { a: integer, b: integer }, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    ],
    refused: [{ anyOf: {} }],
  },
  oneOf: {
    obeyed: [
      { oneOf: [integer, { type: 'null' }] },
      {
        oneOf: [
          { ...object, properties: { kind: { const: 'cat' }, lives: integer }, required: ['kind', 'lives'] },
          { ...object, properties: { kind: { const: 'dog' }, name: string }, required: ['kind', 'name'] },
        ],
      },
      {
        oneOf: [
          { ...integer, maximum: 4 },
          { ...integer, minimum: 5 },
        ],
      },
      {
        oneOf: [
          { ...string, pattern: '^a' },
          { ...string, pattern: '^b' },
        ],
      },
      {
        oneOf: [
          { ...object, properties: { a: integer }, required: ['a'] },
          { ...object, properties: { b: integer }, required: ['b'] },
        ],
      },
    ],
    refused: [
      { oneOf: [integer, { type: 'number' }] },
      {
        oneOf: [
          { ...string, pattern: 'a' },
          { ...string, pattern: 'b' },
        ],
      },
    ],
  },
  not: {
    obeyed: [
      { enum: [1, 2, 3], not: { const: 2 } },
      { ...integer, minimum: 3, not: { ...integer, maximum: 2 } },
    ],
    refused: [{ ...string, not: { const: 'a' } }],
  },
  if: { obeyed: [{ if: { const: 1 }, type: 'integer' }], refused: [{ if: integer, else: { const: 3 } }] },
  // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema.
  then: { obeyed: [{ then: { const: 1 }, type: 'integer' }] },
  else: { obeyed: [{ else: { const: 1 }, type: 'integer' }] },
  dependentSchemas: {
    obeyed: [{ ...object, dependentSchemas: {} }],
    refused: [{ ...object, dependentSchemas: { a: { required: ['b'] } } }],
  },
  dependentRequired: { refused: [{ ...object, dependentRequired: { a: ['b'] } }] },
  dependencies: { refused: [{ ...object, dependencies: { a: ['b'] } }] },

  type: {
    obeyed: [
      ...['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'],
      ['integer', 'string'],
      ['number', 'integer', 'null'],
    ].map((type) => ({ type })),
    refused: [{ type: 'strnig' }, { type: 5 }],
  },
  enum: {
    obeyed: [
      { enum: [1, 'a', null, { b: ['"\\é\n'] }, [], 1.5] },
      { enum: [1, 2, 3, 'x'], type: 'integer', minimum: 2 },
      { allOf: [{ enum: [1, 2] }, { enum: [2, 3] }] },
    ],
    refused: [{ enum: 'a' }],
  },
  const: { obeyed: [{ const: { a: [1, { b: null }] } }, { const: 'say "hi"' }] },

  multipleOf: {
    obeyed: [
      { ...integer, multipleOf: 7 },
      { type: 'number', multipleOf: 10, minimum: -50, maximum: 200 },
    ],
    refused: [
      { type: 'number', multipleOf: 0.01 },
      { ...integer, multipleOf: 1234 },
      { ...integer, multipleOf: 0 },
    ],
  },
  minimum: {
    obeyed: [
      { ...integer, minimum: 17 },
      { type: 'number', minimum: -0.25 },
      { type: 'number', minimum: 1e-7, maximum: 1e-5 },
      { ...integer, minimum: -3.5, maximum: -1 },
    ],
    refused: [{ ...integer, minimum: '3' }],
  },
  maximum: {
    obeyed: [
      { ...integer, maximum: 4 },
      { type: 'number', maximum: -12.5 },
      { type: 'number', minimum: 0, maximum: 1 },
    ],
  },
  exclusiveMinimum: {
    obeyed: [
      { ...integer, exclusiveMinimum: 3, maximum: 5 },
      { type: 'number', exclusiveMinimum: 0, maximum: 0.3 },
    ],
  },
  exclusiveMaximum: {
    obeyed: [
      { ...integer, minimum: 2, exclusiveMaximum: 4 },
      { type: 'number', minimum: -1.5, exclusiveMaximum: 0 },
    ],
    refused: [{ type: 'number', exclusiveMaximum: true }],
  },

  minLength: {
    obeyed: [
      { ...string, minLength: 3 },
      { ...string, minLength: 250 },
    ],
    refused: [{ ...string, minLength: 1e9 }],
  },
  maxLength: {
    obeyed: [
      { ...string, maxLength: 3 },
      { ...string, minLength: 2, maxLength: 2 },
      { ...string, maxLength: 1e9 },
      { ...string, maxLength: 0 },
    ],
    refused: [{ ...string, maxLength: -1 }],
  },
  pattern: {
    obeyed: [
      { ...string, pattern: '^[a-z]{2,3}-\\d+$' },
      { ...string, pattern: 'b+' },
      { ...string, pattern: '^(?:\\+\\d{1,3} )?(\\(\\d{3}\\)|\\d{3})-\\d{4}$' },
      { ...string, pattern: '^[^"\\\\\\n]*$', maxLength: 6 },
      { ...string, pattern: '^a|b$', maxLength: 4 },
      { ...string, pattern: '(^a|b$)', maxLength: 4 },
      { ...string, pattern: '^[\\u00e0-\\u00ff\\x41]+\\u{1F600}?$' },
      { ...string, pattern: '^\\w+\\s\\S\\D\\W.$' },
      { ...string, pattern: '^[\\x01\\t]{2}$' },
    ],
    refused: ['(?=a)a', '(?<!a)b', '(a)\\1', '\\bword\\b', '\\p{L}', '(', '[a', '(a{1000}){1000}'].map((pattern) => ({
      ...string,
      pattern,
    })),
  },
  format: {
    obeyed: [
      ...[
        'date',
        'time',
        'date-time',
        'duration',
        'email',
        'idn-email',
        'hostname',
        'idn-hostname',
        'ipv4',
        'ipv6',
        'uri',
      ],
      ...[
        'uri-reference',
        'iri',
        'iri-reference',
        'uri-template',
        'uuid',
        'json-pointer',
        'relative-json-pointer',
        'byte',
        'password',
      ],
    ]
      .map((format): object => ({ ...string, format }))
      .concat([
        { ...integer, format: 'int32' },
        { ...string, format: 'date', pattern: '^19' },
      ]),
    refused: [
      { ...string, format: 'regex' },
      { ...string, format: 'zip-code' },
    ],
  },

  properties: {
    obeyed: [
      { ...object, properties: { a: integer, b: string, c: { type: 'null' } }, required: ['b'] },
      { ...object, properties: { 'a "quoted" \\ name': integer, é: integer }, required: ['é'] },
      { properties: { __proto__: integer, constructor: string }, required: ['constructor'] },
    ],
    refused: [{ ...object, properties: [] }],
  },
  required: {
    obeyed: [
      { ...object, required: ['a', 'b'] },
      { ...object, properties: { a: true }, required: ['z'] },
    ],
    refused: [{ ...object, required: 'a' }],
  },
  additionalProperties: {
    obeyed: [
      { ...object, properties: { a: integer, ab: integer }, additionalProperties: false },
      { ...object, properties: { a: integer, ab: integer }, additionalProperties: { type: 'null' } },
      { ...object, additionalProperties: integer },
    ],
  },
  propertyNames: {
    obeyed: [
      { ...object, propertyNames: { pattern: '^k' }, additionalProperties: integer },
      { ...object, propertyNames: { type: 'string' } },
      { ...object, properties: { a: integer, kb: integer }, propertyNames: { pattern: '^k' } },
      { ...object, propertyNames: { enum: ['x', 'y'] }, additionalProperties: integer },
    ],
    refused: [{ ...object, propertyNames: { anyOf: [{ pattern: 'a' }, { pattern: 'b' }] } }],
  },
  minProperties: {
    obeyed: [
      { ...object, additionalProperties: integer, minProperties: 1 },
      { ...object, properties: { a: integer, b: integer, c: integer }, minProperties: 2, additionalProperties: false },
      { ...object, properties: { a: integer }, minProperties: 2 },
    ],
    refused: [{ ...object, minProperties: 3 }],
  },
  maxProperties: {
    obeyed: [
      { ...object, maxProperties: 1 },
      { ...object, properties: { a: integer, b: integer, c: integer }, maxProperties: 2, required: ['c'] },
      { ...object, properties: { a: integer }, additionalProperties: true, minProperties: 1, maxProperties: 3 },
    ],
  },
  patternProperties: {
    obeyed: [{ ...object, patternProperties: {} }],
    refused: [{ ...object, patternProperties: { '^a': integer } }],
  },
  unevaluatedProperties: {
    obeyed: [{ ...object, unevaluatedProperties: true }],
    refused: [{ ...object, unevaluatedProperties: false }],
  },

  items: {
    obeyed: [
      { ...array, items: integer },
      { ...array, items: { ...array, items: { enum: ['a'] } } },
      { ...array, items: false },
    ],
    refused: [{ ...array, items: [integer, string] }],
  },
  prefixItems: {
    obeyed: [
      { ...array, prefixItems: [integer, string], minItems: 2, items: false },
      { ...array, prefixItems: [integer, string], items: { type: 'null' }, minItems: 3 },
    ],
    refused: [{ ...array, prefixItems: integer }],
  },
  minItems: { obeyed: [{ ...array, minItems: 3, items: integer }], refused: [{ ...array, minItems: 1e6 }] },
  maxItems: {
    obeyed: [
      { ...array, maxItems: 2 },
      { ...array, maxItems: 0 },
      { ...array, maxItems: 1e9, items: { const: 1 } },
    ],
  },
  uniqueItems: {
    obeyed: [
      { ...array, uniqueItems: false },
      { ...array, uniqueItems: true, maxItems: 1 },
    ],
    refused: [{ ...array, uniqueItems: true }],
  },
  contains: { obeyed: [{ ...array, contains: integer, minContains: 0 }], refused: [{ ...array, contains: integer }] },
  minContains: { obeyed: [{ ...array, minContains: 3 }] },
  maxContains: { obeyed: [{ ...array, maxContains: 3 }] },
  additionalItems: { obeyed: [{ ...array, additionalItems: false }] },
  unevaluatedItems: {
    obeyed: [{ ...array, unevaluatedItems: true }],
    refused: [{ ...array, unevaluatedItems: false }],
  },

  title: { obeyed: [{ ...integer, title: 't' }] },
  description: { obeyed: [{ ...integer, description: 't' }] },
  default: { obeyed: [{ ...integer, default: 'x' }] },
  deprecated: { obeyed: [{ ...integer, deprecated: true }] },
  readOnly: { obeyed: [{ ...integer, readOnly: true }] },
  writeOnly: { obeyed: [{ ...integer, writeOnly: true }] },
  examples: { obeyed: [{ ...integer, examples: ['x'] }] },
  contentEncoding: { obeyed: [{ ...string, contentEncoding: 'base64' }] },
  contentMediaType: { obeyed: [{ ...string, contentMediaType: 'text/html' }] },
  contentSchema: { obeyed: [{ ...string, contentSchema: integer }] },
  nullable: { refused: [{ ...integer, nullable: true }] },
};

describe('JSON Schema on the built-in engine', () => {
  // Schemas with "definitions", "minimum" or "pattern" once gave 200 and an invalid value.
  for (const [keyword, { obeyed = [], refused = [] }] of Object.entries(keywords)) {
    it(`${keyword} is ${[obeyed.length > 0 ? 'obeyed' : '', refused.length > 0 ? 'refused by name' : ''].filter(Boolean).join(', or ')}`, () => {
      for (const schema of obeyed) assertObeyed(schema, 12);
      for (const schema of refused) {
        const problem = problemOf(schema);
        assert.ok(`${problem.path}/`.includes(`/${keyword}/`), `${problem.path} of ${JSON.stringify(schema)}`);
        assert.ok(problem.message.includes(`"${keyword}"`) || problem.message.includes('too large'), problem.message);
      }
    });
  }

  it('has every keyword of JSON Schema 2020-12 in this table', () => {
    const known = ['core', 'applicator', 'unevaluated', 'validation', 'meta-data', 'format-annotation', 'content']
      .map((part) => require(`ajv/dist/refs/json-schema-2020-12/meta/${part}.json`))
      .concat(require('ajv/dist/refs/json-schema-2020-12/schema.json'))
      .flatMap(({ properties }) => Object.keys(properties));
    assert.ok(known.length > 50);
    assert.deepEqual(
      known.filter((keyword) => keywords[keyword] === undefined),
      [],
    );
  });

  it('writes whole numbers without an exponent', () => {
    for (const value of samplesOf(integer, 200)) assert.ok(Number.isSafeInteger(value));
  });

  it('refuses a schema that no value can satisfy', () => {
    const impossible = [
      false,
      { allOf: [integer, string] },
      { ...integer, minimum: 3, maximum: 2 },
      { ...string, minLength: 3, maxLength: 2 },
      { ...object, properties: { a: false }, required: ['a'] },
      { ...object, properties: { next: { $ref: '#' } }, required: ['next'] },
      { enum: [1, 2], minimum: 3 },
      { ...string, pattern: '^a{3}$', maxLength: 2 },
    ];
    for (const schema of impossible)
      assert.match(problemOf(schema).message, /no value can satisfy/, JSON.stringify(schema));
  });

  it('obeys deep and large schemas while they are cheap, and refuses others at once', () => {
    const nested = (depth: number) => {
      let schema: object = integer;
      for (let at = 0; at < depth; at += 1) schema = { ...array, items: schema };
      return schema;
    };
    const wide = (count: number) => ({
      ...object,
      properties: Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, integer])),
    });
    compileJsonSchema(nested(60));
    compileJsonSchema(wide(200));
    compileJsonSchema({ enum: Array.from({ length: 2000 }, (_, at) => `value ${at}`) });
    const parts = (keyword: string, count: number) => ({
      [keyword]: Array.from({ length: count }, (_, at) => ({
        ...object,
        properties: { [`p${at}`]: integer },
        required: [`p${at}`],
      })),
    });
    const hostile: object[] = [
      nested(100_000),
      wide(100_000),
      { enum: Array.from({ length: 200_000 }, (_, at) => `value ${at}`) },
      { ...string, pattern: '((a|b)*a){1,9}(a|b){9}(a|b){9}(a|b){9}' },
      { ...string, pattern: '(((x{99}){99}){99}){99}' },
      { ...string, pattern: `${'('.repeat(50_000)}a` },
      { allOf: Array.from({ length: 9 }, () => parts('anyOf', 9)) },
      { ...parts('oneOf', 90), additionalProperties: parts('oneOf', 90) },
      {
        $defs: Object.fromEntries(
          Array.from({ length: 41 }, (_, at) => [
            `d${at}`,
            { anyOf: [{ $ref: `#/$defs/d${(at + 1) % 41}` }, { $ref: `#/$defs/d${(at + 1) % 41}` }] },
          ]),
        ),
        $ref: '#/$defs/d0',
      },
    ];
    for (const schema of hostile) problemOf(schema);
  });

  it('agrees with a JSON Schema library on random schemas', (context) => {
    const seed = Number(process.env['RBEE_TEST_SEED'] ?? 20_201_206);
    const numRuns = fullScale ? 5000 : 300;
    context.diagnostic(`seed ${seed}, ${numRuns} schemas`);
    let answered = 0;
    fc.assert(
      fc.property(randomSchema, (schema) => {
        try {
          assertObeyed(schema, 4, seed);
          answered += 1;
        } catch (error) {
          if (!(error instanceof SchemaProblem)) throw error;
          assert.ok(/^"[^"]+" |no value can satisfy/.test(error.message), error.message);
        }
      }),
      { seed, numRuns },
    );
    context.diagnostic(`${answered} were answered, the others refused`);
    assert.ok(answered > numRuns / 2);
  });

  it('prints grammars in plain ASCII', () => {
    const text = print(compileJsonSchema({ enum: ['é"]\\\n', '😀'], $comment: 'ü' }));
    assert.match(text, /^[\x20-\x7e\n]*$/);
    assert.match(text, /^root ::= /);
  });
});
