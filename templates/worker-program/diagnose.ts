/** The program's own last words, turned into a cause and a sentence. A new word of its is a new row, and one of failures.json. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';

interface Rule {
  says: RegExp;
  cause: FailureCause;
  message: string;
  hint: string;
}

const rules: readonly Rule[] = [
  {
    says: /cannot open model/,
    cause: 'bad_model',
    message: 'my-engine cannot open the model',
    hint: 'download the model again, and compare its size with the source',
  },
  {
    says: /out of memory/i,
    cause: 'out_of_memory',
    message: 'there is not enough memory for the model',
    hint: 'stop another worker, or choose a smaller model or context',
  },
];

/** What is not recognised is left to the hive, which knows the words of the system. */
export const diagnose = ({ log }: Failure): Diagnosis | undefined => {
  const rule = rules.find(({ says }) => log.some((line) => says.test(line)));
  return rule && { cause: rule.cause, message: rule.message, hint: rule.hint };
};
