/**
 * What the engine's last words mean: the first rule that fits is shown. What no rule knows is left to the hive, which knows
 * the words of the system. New words are a new rule here, and a new entry in failures.json.
 */
/** @import { FailureRule } from '@rbee/contract' */

/** @type {readonly FailureRule[]} */
export const failures = [
  {
    pattern: /error: .*(?:EADDRINUSE|already in use)/,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: 'spawn the worker again: another port is chosen',
  },
  {
    pattern: /error: (?:Unknown option|the option) (\S+)/,
    cause: 'bad_option',
    message: 'my-engine does not take {1}',
    hint: 'check the options of the worker',
  },
];
