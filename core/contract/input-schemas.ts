/**
 * What fastify checks input with: TypeBox, which the schemas are written in, compiled when a route is first asked. Its own
 * way, Ajv, compiles all of them before it listens, which is a fourth of what the start of a hive costs.
 */
import type { FastifyServerOptions } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { Clean, Convert, Default } from 'typebox/value';

type Checked = { value: unknown } | { error: Fault[] };

interface Fault {
  instancePath: string;
  message: string;
}

/** Text that should be a number becomes one, defaults are filled in, and fields of a newer version are left out. */
const checkerOf = (schema: TSchema): ((given: unknown) => Checked) => {
  let compiled: Validator | undefined;
  return (given) => {
    compiled ??= Compile(schema);
    const value = Clean(schema, Convert(schema, Default(schema, given)));
    return compiled.Check(value) ? { value } : { error: compiled.Errors(value) as Fault[] };
  };
};

export const inputSchemas: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: {
    buildValidator: (() => (route: { schema: TSchema }) => checkerOf(route.schema)) as never,
    buildSerializer: (() => () => JSON.stringify) as never,
  },
};
