/** Checks untrusted data where it enters: unknown fields are dropped, and all others must match the schema. */
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { BadInput } from './bad-input.ts';
import { firstFault } from './first-fault.ts';
import { knownFields } from './known-fields.ts';

/**
 * Returns a function that copies its argument as a `Value`, without fields that the schema does not list; this is how
 * neighbouring versions work together. Throws BadInput naming the first wrong field.
 */
export const checked = <Value>(schema: TSchema): ((value: unknown) => Value) => {
  let validator: Validator | undefined;
  let copy: ((value: unknown) => unknown) | undefined;
  return (value) => {
    // Compiled on first use: most kinds of answer never occur.
    validator ??= Compile(schema);
    if (!validator.Check(value)) throw new BadInput(firstFault(schema, value));
    copy ??= knownFields(schema);
    return copy(value) as Value;
  };
};
