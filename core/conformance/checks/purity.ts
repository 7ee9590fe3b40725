/** The same arguments give the same answer, and nothing is touched on the way. */
import { isDeepStrictEqual } from 'node:util';
import { describeType } from '../../contract/members.ts';
import { assert, attempt, CheckFailure, shown } from '../assert.ts';
import { type Call, callHere, callsOf } from '../calls.ts';
import type { Check } from '../check.ts';
import { withoutWorld } from '../guard.ts';
import { deepFreeze, overTheWire, plainProblem } from '../plain.ts';
import type { PluginUnderTest } from '../plugin-under-test.ts';

/** A copy of its own for each call, so that one call cannot leave something behind for the next. */
const argsOf = ({ args }: Call): readonly unknown[] => structuredClone(args);

const each = ({ type }: PluginUnderTest, look: (call: Call, answer: () => unknown) => void): void => {
  for (const call of callsOf(type)) look(call, () => attempt(call.what, () => callHere(type, call, argsOf(call))));
};

export const purityChecks = [
  {
    id: 'purity.same-answer',
    title: 'every function answers the same to the same',
    check: (plugin) =>
      each(plugin, ({ what }, answer) => {
        const [first, second] = [overTheWire(answer()), overTheWire(answer())];
        assert(isDeepStrictEqual(first, second), `${what} answers ${shown(first)}, then ${shown(second)}`);
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
    check: (plugin) =>
      each(plugin, ({ what }, answer) => {
        const value = answer();
        assert(!(value instanceof Promise), `${what} answers with a promise`);
        const problem = plainProblem(value, `the answer of ${what}`);
        assert(problem === undefined, String(problem));
      }),
  },
  {
    id: 'purity.sandbox-loads',
    title: 'its code loads where only its own folder can be read and nothing else can be touched',
    needs: ['root'],
    check: async (plugin) => {
      const description = (await plugin.evaluate(undefined, [])) as { name?: unknown };
      assert(description.name === plugin.type.name, `its entry is the type ${shown(description.name)}`);
    },
  },
  {
    id: 'purity.sandbox-same',
    title: 'what the manifest names as its entry is this very type',
    needs: ['root'],
    check: async (plugin) => {
      const there = (await plugin.evaluate(undefined, [])) as Record<string, unknown>;
      const here = describeType(plugin.written);
      for (const member of Object.keys(here))
        assert(
          isDeepStrictEqual(here[member], overTheWire(there[member])),
          `${member} is another one in ${String(plugin.manifestEntry['entry'])}: build the package again`,
        );
    },
  },
  {
    id: 'purity.sandbox-answers',
    title: 'its functions answer the same in the process where a hive asks them',
    needs: ['root'],
    check: async (plugin) => {
      for (const call of callsOf(plugin.type)) {
        const here = overTheWire(attempt(call.what, () => callHere(plugin.type, call, argsOf(call))));
        const there = await plugin.evaluate(call.member, call.args).catch((error: Error) => {
          throw new CheckFailure(`${call.what}: ${error.message}`);
        });
        assert(
          isDeepStrictEqual(here, overTheWire(there)),
          `${call.what} answers ${shown(there)} there and ${shown(here)} here`,
        );
      }
    },
  },
] as const satisfies readonly Check[];
