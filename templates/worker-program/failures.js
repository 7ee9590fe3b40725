/**
 * What the program's last words mean: the first rule that fits is shown. What no rule knows is left to the hive, which knows
 * the words of the system. New words are a new rule here, and a new entry in failures.json.
 */
/** @import { FailureRule } from '@rbee/contract' */

/** @satisfies {readonly FailureRule[]} */
export const failures = [
  {
    pattern: /cannot open model/,
    cause: 'bad_model',
    message: 'my-engine cannot open the model',
    hint: 'download the model again, and compare its size with the source',
  },
  {
    pattern: /out of memory/i,
    cause: 'out_of_memory',
    message: 'there is not enough memory for the model',
    hint: 'stop another worker, or choose a smaller model or context',
  },
];
