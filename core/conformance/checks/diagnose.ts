/** How the type diagnoses the engine's last output. */

import { placeholdersOf, searchOf } from '../../contract/worker-type/failure-rules.ts';
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { Diagnosis, Failure, FailureCause, FailureRule } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import { someFailure } from '../calls.ts';
import type { Check } from '../check.ts';
import { malformedOutput } from '../fuzz-inputs.ts';
import { slowLine } from '../regex-speed.ts';
import { sourcesOf } from '../samples.ts';

const causes: Readonly<Record<FailureCause, true>> = {
  out_of_memory: true,
  bad_model: true,
  missing_model: true,
  unsupported_model: true,
  port_in_use: true,
  no_device: true,
  driver: true,
  bad_option: true,
  missing_library: true,
  no_progress: true,
  killed: true,
  crashed: true,
  unknown: true,
};

/** Placeholders that the sentences of a rule may contain. */
const groupNames = ({ pattern }: FailureRule): string[] => {
  if (pattern === undefined) return ['exit'];
  // With an empty alternative, the pattern always matches, so all of its groups are counted.
  const { source, flags } = searchOf(pattern);
  const match = new RegExp(`${source}|`, flags).exec('') as RegExpExecArray;
  return ['exit', ...Array.from(match, (_, group) => String(group)), ...Object.keys(match.groups ?? {})];
};

const engines = (type: ResolvedType): string[] => [
  ...new Set(type.variants.flatMap((variant) => sourcesOf(type, variant).map(({ id }) => id))),
];

/** The diagnosis, which must be valid if there is one. */
const diagnosisOf = (type: ResolvedType, failure: Failure, what: string): Diagnosis | undefined => {
  const diagnosis = attempt(`diagnose of ${what}`, () => type.diagnose?.(failure));
  const problem = shapeProblem(answerShapes.diagnose, diagnosis ?? null);
  assert(problem === undefined, `diagnose of ${what} returns ${shown(diagnosis)}: ${problem}`);
  if (!diagnosis) return undefined;
  assert(Object.hasOwn(causes, diagnosis.cause), `diagnose of ${what} names the cause ${shown(diagnosis.cause)}`);
  for (const text of [diagnosis.message, diagnosis.hint])
    assert(
      text.trim() !== '' && !text.includes('\n'),
      `diagnose of ${what} says ${shown(text)}, which is not a sentence on one line`,
    );
  return diagnosis;
};

const ends: Failure['exit'][] = [
  null,
  { code: 0, signal: null },
  { code: 1, signal: null },
  { code: 137, signal: null },
  { code: null, signal: 'SIGKILL' },
  { code: null, signal: 'SIGSEGV' },
  { code: null, signal: null },
];

/** These lines with every engine and every kind of end. */
const tryAll = (type: ResolvedType, what: string, log: readonly string[]): void => {
  for (const id of engines(type)) {
    for (const exit of ends) {
      for (const wasReady of [false, true]) diagnosisOf(type, { log, exit, wasReady, binary: { id } }, what);
    }
  }
};

export const diagnoseChecks = [
  {
    id: 'diagnose.rules',
    title: 'every failure rule has a pattern or an exit, a known cause, and sentences that its groups can fill',
    needs: ['rules'],
    check: ({ written: { failures: rules = [] } }) => {
      for (const rule of rules) {
        const name = `the rule ${shown(rule.message)}`;
        assert(rule.pattern !== undefined || rule.exit !== undefined, `${name} has neither a pattern nor an exit`);
        assert(Object.hasOwn(causes, rule.cause), `${name} names the cause ${shown(rule.cause)}`);
        const groups = attempt(name, () => groupNames(rule));
        for (const text of [rule.message, rule.hint]) {
          assert(
            text.trim() !== '' && !text.includes('\n'),
            `${name} says ${shown(text)}, which is not a sentence on one line`,
          );
          const unknown = placeholdersOf(text).find((placeholder) => !groups.includes(placeholder));
          assert(unknown === undefined, `${name} has {${unknown}}, and its pattern has no such group`);
        }
      }
    },
  },
  {
    id: 'diagnose.rules-empty',
    title: 'no pattern of a failure rule matches an empty line',
    needs: ['rules'],
    check: ({ written: { failures: rules = [] } }) => {
      for (const { pattern, message } of rules)
        assert(
          pattern === undefined || !searchOf(pattern).test(''),
          `the rule ${shown(message)} matches an empty line`,
        );
    },
  },
  {
    id: 'diagnose.rules-fast',
    title: 'no log line makes its failure rules slow',
    needs: ['rules'],
    check: ({ written: { failures: rules = [] }, failures }) => {
      const lines = failures.flatMap(({ log }) => log);
      for (const { pattern, message } of rules) {
        if (pattern === undefined) continue;
        const search = searchOf(pattern);
        const example = lines.find((line) => search.test(line));
        assert(
          slowLine(search, example) === null,
          `the pattern of the rule ${shown(message)} is very slow on some lines`,
        );
      }
    },
  },
  {
    id: 'diagnose.recorded',
    title: 'it recognises the recorded failures of its engine',
    needs: ['diagnose', 'failures'],
    check: ({ type, failures }) => {
      for (const { cause, ...recorded } of failures) {
        const failure = { ...someFailure, binary: { id: engines(type)[0] ?? '' }, ...recorded };
        const found = diagnosisOf(type, failure, shown(recorded.log.at(-1)))?.cause;
        assert(found === cause, `${shown(recorded.log)} is ${cause}, but it says ${found ?? 'nothing'}`);
      }
    },
  },
  {
    id: 'diagnose.silence',
    title: 'it copes with an engine that ended without output',
    needs: ['diagnose'],
    check: ({ type }) => tryAll(type, 'an empty log', []),
  },
  {
    id: 'diagnose.garbage',
    title: 'it copes with garbage',
    needs: ['diagnose'],
    check: ({ type }) => tryAll(type, 'garbage', malformedOutput.split('\n')),
  },
  {
    id: 'diagnose.many-lines',
    title: 'it copes with 200 lines, some of them very long',
    needs: ['diagnose'],
    check: ({ type }) => {
      const lines = Array.from({ length: 200 }, (_, index) => `line ${index}: failed to ${'load '.repeat(index)}`);
      tryAll(type, '200 lines', [...lines.slice(1), 'x'.repeat(100_000)]);
    },
  },
  {
    id: 'diagnose.other-engine',
    title: 'it copes with a program that it does not know',
    needs: ['diagnose'],
    check: ({ type }) =>
      void diagnosisOf(type, { ...someFailure, binary: { id: 'unheard-of' } }, 'a program that it does not know'),
  },
  {
    id: 'diagnose.port',
    title: 'it diagnoses a port in use correctly, or leaves that to the hive',
    needs: ['diagnose'],
    check: ({ type }) => {
      for (const id of engines(type)) {
        const log = ['starting', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:18000'];
        const cause = diagnosisOf(type, { ...someFailure, log, binary: { id } }, 'a port in use')?.cause;
        assert(
          cause === undefined || cause === 'port_in_use',
          `${id}: "address already in use" is diagnosed as ${cause}`,
        );
      }
    },
  },
  {
    id: 'diagnose.fresh',
    title: 'its diagnosis does not depend on earlier calls',
    needs: ['diagnose'],
    check: ({ type }) => {
      const ask = () => JSON.stringify(diagnosisOf(type, someFailure, 'a failure') ?? null);
      const first = ask();
      tryAll(type, 'garbage', [malformedOutput]);
      assert(ask() === first, 'the same failure is diagnosed differently the second time (a pattern with the flag g?)');
    },
  },
] as const satisfies readonly Check[];
