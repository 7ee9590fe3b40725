/** Converts the text fields of a form or a query to the object that a JSON body would be. */

type Schema = Readonly<Record<string, unknown>>;

/**
 * `a` and `a[]` are the same field, a repeated field is an array, and `a[b]` is the field `b` of the object `a`. Text is
 * converted to numbers, booleans and lists where the schema has them; text that cannot be converted stays as it is, so
 * that the schema refuses it.
 */
export const fieldsToObject = (
  fields: Iterable<readonly [name: string, value: unknown]>,
  schema: Schema,
): Record<string, unknown> => {
  const gathered = new Map<string, unknown[]>();
  const nested = new Map<string, [string, unknown][]>();
  for (const [written, value] of fields) {
    const { name, inner } = nameOf(written);
    if (inner === undefined) gathered.set(name, [...(gathered.get(name) ?? []), value]);
    else nested.set(name, [...(nested.get(name) ?? []), [inner, value]]);
  }
  const properties = new Map(Object.entries((schema['properties'] ?? {}) as Record<string, Schema>));
  const made: [string, unknown][] = [];
  for (const [name, values] of gathered) made.push([name, fieldValue(values, properties.get(name) ?? {})]);
  for (const [name, values] of nested) {
    if (!gathered.has(name)) made.push([name, fieldsToObject(values, properties.get(name) ?? {})]);
  }
  // Defined this way, a field named __proto__ is an ordinary field.
  return Object.fromEntries(made.filter(([, value]) => value !== undefined));
};

const nameOf = (written: string): { name: string; inner?: string } => {
  const [, name, inner] = /^([^[\]]+)\[([^[\]]*)\]$/.exec(written) ?? [];
  if (name === undefined) return { name: written };
  return inner === '' || inner === undefined ? { name } : { name, inner };
};

const fieldValue = (values: readonly unknown[], schema: Schema): unknown => {
  const kinds = kindsOf(schema);
  if (values.length === 1 && !onlyArray(kinds)) return coerce(values[0], kinds);
  const items = kindsOf((schema['items'] ?? {}) as Schema);
  return values.map((value) => coerce(value, items));
};

const onlyArray = (kinds: ReadonlySet<string>) => kinds.has('array') && !kinds.has('string');

/** Types that a schema accepts at its top level. */
const kindsOf = (schema: Schema): Set<string> => {
  const { type } = schema;
  const own = Array.isArray(type) ? type : type === undefined ? [] : [type];
  const others = [...((schema['anyOf'] ?? []) as Schema[]), ...((schema['oneOf'] ?? []) as Schema[])];
  return new Set([...own.map(String), ...others.flatMap((one) => [...kindsOf(one)])]);
};

const coerce = (value: unknown, kinds: ReadonlySet<string>): unknown => {
  if (typeof value !== 'string' || kinds.has('string') || kinds.size === 0) return value;
  const text = value.trim();
  // An empty field of a form was not filled in.
  if (text === '') return undefined;
  if (kinds.has('number') || kinds.has('integer')) {
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  }
  if (kinds.has('boolean')) {
    if (/^(true|1|on)$/i.test(text)) return true;
    if (/^(false|0|off)$/i.test(text)) return false;
  }
  if (kinds.has('null') && text === 'null') return null;
  if (kinds.has('object') && text.startsWith('{')) return parsed(text);
  return value;
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
