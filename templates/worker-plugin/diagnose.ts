/** The engine's own last words, turned into a cause and a sentence. A new word of its is a new row, and one of failures.json. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';

interface Rule {
  says: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

const rules: readonly Rule[] = [
  {
    says: /error: .*(?:EADDRINUSE|already in use)/,
    cause: 'port_in_use',
    message: 'its port is already in use',
    hint: 'spawn the worker again: another port is chosen',
  },
  {
    says: /error: (?:Unknown option|the option) (\S+)/,
    cause: 'bad_option',
    message: 'my-engine does not take one of its options',
    hint: 'check the options of the worker',
  },
];

/** What is not recognised is left to the hive, which knows the words of the system. */
export const diagnose = ({ log }: Failure): Diagnosis | undefined => {
  const rule = rules.find(({ says }) => log.some((line) => says.test(line)));
  return rule && { cause: rule.cause, message: rule.message, hint: rule.hint };
};
