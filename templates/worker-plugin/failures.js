/**
 * What the last lines of the engine's log mean. The first rule that matches is shown; if none does, the hive looks for messages
 * of the operating system. For a new failure, add a rule here and a recorded log in failures.json.
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
