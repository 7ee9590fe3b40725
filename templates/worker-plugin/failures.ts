/**
 * What the engine's last words mean: the first row that fits is shown. What no row knows is left to the hive, which knows the
 * words of the system. New words are a new row here, and one in failures.json.
 */
import type { FailureRule } from '@rbee/contract';

export const failures: readonly FailureRule[] = [
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
