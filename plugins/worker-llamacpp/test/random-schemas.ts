/** Random JSON Schemas for tests: every keyword, and mostly satisfiable. */
import fc from 'fast-check';

type Schema = Record<string, unknown> | boolean;

const names = ['a', 'b', 'name', 'x/y', 'ä~'];
const name = fc.constantFrom(...names);
const small = fc.integer({ min: 0, max: 4 });
const patterns = [
  '^[a-z]+$',
  'b',
  '^(ab|cd)*$',
  '^\\d{2,4}$',
  '[^0-9]$',
  '^.{2}$',
  '^[A-Z][a-z]*( [A-Z][a-z]*)?$',
  '\\s|x',
];
const formats = [
  'date',
  'time',
  'date-time',
  'uuid',
  'email',
  'ipv4',
  'ipv6',
  'hostname',
  'uri',
  'duration',
  'json-pointer',
];
const scalar = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom('a', 'bc', 'é"\\', '', null, true, false, 1.5),
);

const maybe = (keywords: Record<string, fc.Arbitrary<unknown>>) => fc.record(keywords, { requiredKeys: [] });

const strings = maybe({
  minLength: small,
  maxLength: fc.integer({ min: 2, max: 9 }),
  pattern: fc.constantFrom(...patterns),
}).map((more) => ({ type: 'string', ...more }));
const formatted = fc.constantFrom(...formats).map((format) => ({ type: 'string', format }));
const numbers = fc
  .tuple(
    fc.constantFrom('integer', 'number'),
    maybe({
      minimum: fc.double({ min: -200, max: 20, noNaN: true }).map((value) => Number(value.toFixed(2))),
      maximum: fc.integer({ min: 0, max: 3000 }),
      exclusiveMinimum: fc.integer({ min: -50, max: 10 }),
      exclusiveMaximum: fc.double({ min: 15, max: 99, noNaN: true }).map((value) => Number(value.toFixed(1))),
      multipleOf: fc.constantFrom(1, 2, 5, 7),
    }),
  )
  .map(([type, more]) => ({ type, ...more }));
const fixed = fc.oneof(
  fc.uniqueArray(scalar, { minLength: 1, maxLength: 5 }).map((values) => ({ enum: values })),
  scalar.map((value) => ({ const: value })),
);
const plain = fc.constantFrom<Schema>(
  { type: 'null' },
  { type: 'boolean' },
  { type: ['integer', 'null'] },
  { type: 'object' },
  { type: 'array' },
  {},
  true,
  { $ref: '#/$defs/tree' },
  { $ref: '#/definitions/word' },
);
/** Keywords that the engine does not support. */
const refused = fc.constantFrom<Schema>(
  { type: 'array', uniqueItems: true },
  { type: 'array', contains: { const: 1 } },
  { type: 'object', patternProperties: { '^a': { type: 'null' } } },
  { type: 'string', pattern: '(?=a)b' },
  { if: { const: 1 }, else: { type: 'integer' } },
);

const { schema } = fc.letrec<{ schema: Schema }>((tie) => {
  const below = tie('schema');
  const objects = fc
    .tuple(
      fc.dictionary(name, below, { maxKeys: 4 }),
      fc.subarray(names, { maxLength: 3 }),
      maybe({
        additionalProperties: below,
        minProperties: fc.integer({ min: 0, max: 2 }),
        maxProperties: fc.integer({ min: 2, max: 5 }),
        propertyNames: fc.constant({ pattern: '^[a-z]' }),
      }),
    )
    .map(([properties, required, more]) => ({
      type: 'object',
      properties,
      required: required.filter((one) => Object.hasOwn(properties, one)),
      ...more,
    }));
  const arrays = maybe({
    items: below,
    prefixItems: fc.array(below, { minLength: 1, maxLength: 3 }),
    minItems: small,
    maxItems: fc.integer({ min: 2, max: 6 }),
  }).map((more) => ({ type: 'array', ...more }));
  const several = fc
    .tuple(fc.constantFrom('anyOf', 'oneOf', 'allOf'), fc.array(below, { minLength: 1, maxLength: 3 }))
    .map(([keyword, parts]) => ({ [keyword]: parts }));
  const leaf = fc.oneof(
    { weight: 9, arbitrary: fc.oneof(strings, formatted, numbers, fixed, plain) },
    { weight: 1, arbitrary: refused },
  );
  return {
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      objects,
      arrays,
      several,
    ) as fc.Arbitrary<Schema>,
  };
});

/** A schema with definitions, one of them recursive, and a few annotations. */
export const randomSchema: fc.Arbitrary<Record<string, unknown>> = schema.map((of) => ({
  ...(typeof of === 'object' ? of : { allOf: [of] }),
  $comment: 'random',
  title: 'T',
  $defs: {
    tree: {
      type: 'object',
      properties: {
        value: { type: 'integer', minimum: 0 },
        children: { type: 'array', items: { $ref: '#/$defs/tree' } },
      },
      required: ['value'],
    },
  },
  definitions: { word: { type: 'string', pattern: '^[a-z]{1,5}$' } },
}));
