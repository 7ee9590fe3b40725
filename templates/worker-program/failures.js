/**
 * What the last lines of the program's log mean. The first rule that matches is shown; if none does, the hive looks for messages
 * of the operating system. For a new failure, add a rule here and a recorded log in failures.json.
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
