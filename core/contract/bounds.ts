/** Building blocks for schemas of data from other machines. Every text, number and list has a limit. */
import Type from 'typebox';

/** One line of text: no control characters, no line or paragraph separators. */
export const lineOf = (maxLength: number, minLength = 0) =>
  Type.String({ minLength, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$' });

/**
 * Free text, such as an engine's output. It may contain anything and is escaped when shown. Longer text is truncated
 * when read: it comes from people, engines and drivers, and must not make a whole machine unusable.
 */
export const textOf = (maxLength: number) => Type.String({ truncate: maxLength });

/** A name used for lookups: of a worker type, a variant, a package or a program. */
export const nameOf = (maxLength = 214) => Type.String({ maxLength, pattern: '^[A-Za-z0-9@][A-Za-z0-9@._+:/-]*$' });

export const version = Type.String({ maxLength: 128, pattern: '^[0-9A-Za-z][0-9A-Za-z.+_-]*$' });

/** ISO 8601, as `Date.toISOString` writes it. */
export const time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' });

export const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const bytes = count;
export const pid = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 });
export const port = Type.Integer({ minimum: 1, maximum: 65_535 });
export const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });

/** An absolute path on the sender's machine, meaningless on any other. */
export const absolutePath = Type.String({
  maxLength: 4_096,
  pattern: '^/[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$',
});

const scalar = Type.Union([Type.String({ maxLength: 16_384 }), Type.Number(), Type.Boolean(), Type.Null()]);
/** The value of a worker type's option. */
export const optionValue = Type.Union([scalar, Type.Array(scalar, { maxItems: 1_000 })]);
export const optionName = '^[A-Za-z][A-Za-z0-9._-]{0,63}$';
export const maxOptions = 500;
export const optionValues = Type.Unsafe<Record<string, unknown>>(
  Type.Record(Type.String({ pattern: optionName }), optionValue, { maxProperties: maxOptions }),
);

/** A media type without parameters; `audio/*` and `*` are wildcards. */
export const mediaType = '^(?:\\*|[a-z0-9!#$&^_.+-]+/(?:\\*|[a-z0-9!#$&^_.+-]+))$';
/** Name of a `{name}` segment of a path. */
export const idName = '^[A-Za-z_][A-Za-z0-9_]{0,63}$';
export const affinityBounds = { maxProperties: 16, additionalProperties: false };

/** What a model can do, by name. */
export const abilityValues = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9]{0,63}$' }),
  Type.Union([Type.Boolean(), Type.Number({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })]),
  { maxProperties: 64, additionalProperties: false },
);
