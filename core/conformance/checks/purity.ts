/** The same arguments give the same answer, and nothing is touched on the way. */
import { isDeepStrictEqual } from 'node:util';
import { describeType } from '../../contract/members.ts';
import { type Call, callHere, callsOf } from '../calls.ts';
import type { Check } from '../check.ts';
import { withoutWorld } from '../guard.ts';
import { attempt, CheckFailure, must, shown } from '../must.ts';
import { deepFreeze, overTheWire, plainProblem } from '../plain.ts';
import type { Subject } from '../subject.ts';

/** A copy of its own for each call, so that one call cannot leave something behind for the next. */
const argsOf = ({ args }: Call): readonly unknown[] => structuredClone(args);

const each = ({ type }: Subject, look: (call: Call, answer: () => unknown) => void): void => {
  for (const call of callsOf(type)) look(call, () => attempt(call.what, () => callHere(type, call, argsOf(call))));
};

export const purityChecks = [
  {
    id: 'purity.same-answer',
    title: 'every function answers the same to the same',
    check: (subject) =>
      each(subject, ({ what }, answer) => {
        const [first, second] = [overTheWire(answer()), overTheWire(answer())];
        must(isDeepStrictEqual(first, second), `${what} answers ${shown(first)}, then ${shown(second)}`);
      }),
  },
  {
    id: 'purity.inputs',
    title: 'no function changes what it is given',
    check: ({ type }) => {
      for (const call of callsOf(type))
        attempt(`${call.what}, given what cannot be changed,`, () => callHere(type, call, deepFreeze(argsOf(call))));
    },
  },
  {
    id: 'purity.world',
    title: 'no function reads the clock, chance or the environment',
    check: ({ type }) => {
      for (const call of callsOf(type)) {
        const args = argsOf(call);
        attempt(call.what, () => withoutWorld(() => callHere(type, call, args)));
      }
    },
  },
  {
    id: 'purity.plain',
    title: 'every answer is plain data, and there at once',
    check: (subject) =>
      each(subject, ({ what }, answer) => {
        const value = answer();
        must(!(value instanceof Promise), `${what} answers with a promise`);
        const problem = plainProblem(value, `the answer of ${what}`);
        must(problem === undefined, String(problem));
      }),
  },
  {
    id: 'purity.sandbox-loads',
    title: 'its code loads where only its own folder can be read and nothing else can be touched',
    needs: ['root'],
    check: async (subject) => {
      const description = (await subject.evaluate(undefined, [])) as { name?: unknown };
      must(description.name === subject.type.name, `its entry is the type ${shown(description.name)}`);
    },
  },
  {
    id: 'purity.sandbox-same',
    title: 'what the manifest names as its entry is this very type',
    needs: ['root'],
    check: async (subject) => {
      const there = (await subject.evaluate(undefined, [])) as Record<string, unknown>;
      const here = describeType(subject.written);
      for (const member of Object.keys(here))
        must(
          isDeepStrictEqual(here[member], overTheWire(there[member])),
          `${member} is another one in ${String(subject.manifestEntry['entry'])}: build the package again`,
        );
    },
  },
  {
    id: 'purity.sandbox-answers',
    title: 'its functions answer the same in the process where a hive asks them',
    needs: ['root'],
    check: async (subject) => {
      for (const call of callsOf(subject.type)) {
        const here = overTheWire(attempt(call.what, () => callHere(subject.type, call, argsOf(call))));
        const there = await subject.evaluate(call.member, call.args).catch((error: Error) => {
          throw new CheckFailure(`${call.what}: ${error.message}`);
        });
        must(
          isDeepStrictEqual(here, overTheWire(there)),
          `${call.what} answers ${shown(there)} there and ${shown(here)} here`,
        );
      }
    },
  },
] as const satisfies readonly Check[];
