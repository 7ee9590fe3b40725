/** Data from outside, checked where it enters: unknown fields are dropped, everything else must fit its schema. */
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { BadInput } from './bad-input.ts';
import { firstFault } from './first-fault.ts';
import { knownFields } from './known-fields.ts';

/**
 * A function that returns a copy of its argument as a `Value`, without the fields that the schema does not list: that is
 * how neighbouring versions work together. Throws BadInput, which names the first field that is wrong.
 */
export const checked = <Value>(schema: TSchema): ((value: unknown) => Value) => {
  let validator: Validator | undefined;
  let copy: ((value: unknown) => unknown) | undefined;
  return (value) => {
    // Compiled on first use: most answers are never asked for.
    validator ??= Compile(schema);
    if (!validator.Check(value)) throw new BadInput(firstFault(schema, value));
    copy ??= knownFields(schema);
    return copy(value) as Value;
  };
};
