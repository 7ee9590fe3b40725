/** Functions return the same result for the same arguments, without side effects. */
import { isDeepStrictEqual } from 'node:util';
import { describeType } from '../../contract/worker-type/members.ts';
import { assert, attempt, CheckFailure, shown } from '../assert.ts';
import { type Call, callHere, callsOf } from '../calls.ts';
import type { Check } from '../check.ts';
import { withoutWorld } from '../guard.ts';
import { deepFreeze, overTheWire, plainProblem } from '../plain.ts';
import type { PluginUnderTest } from '../plugin-under-test.ts';

/** A fresh copy for each call, so that no call can affect the next one. */
const argsOf = ({ args }: Call): readonly unknown[] => structuredClone(args);

const each = ({ type }: PluginUnderTest, look: (call: Call, answer: () => unknown) => void): void => {
  for (const call of callsOf(type)) look(call, () => attempt(call.what, () => callHere(type, call, argsOf(call))));
};

export const purityChecks = [
  {
    id: 'purity.same-answer',
    title: 'every function returns the same for the same arguments',
    check: (plugin) =>
      each(plugin, ({ what }, answer) => {
        const [first, second] = [overTheWire(answer()), overTheWire(answer())];
        assert(isDeepStrictEqual(first, second), `${what} returns ${shown(first)}, then ${shown(second)}`);
      }),
  },
  {
    id: 'purity.inputs',
    title: 'no function changes its arguments',
    check: ({ type }) => {
      for (const call of callsOf(type))
        attempt(`${call.what}, with frozen arguments,`, () => callHere(type, call, deepFreeze(argsOf(call))));
    },
  },
  {
    id: 'purity.world',
    title: 'no function reads the clock, random numbers or the environment',
    check: ({ type }) => {
      for (const call of callsOf(type)) {
        const args = argsOf(call);
        attempt(call.what, () => withoutWorld(() => callHere(type, call, args)));
      }
    },
  },
  {
    id: 'purity.plain',
    title: 'every result is plain data and not a promise',
    check: (plugin) =>
      each(plugin, ({ what }, answer) => {
        const value = answer();
        assert(!(value instanceof Promise), `${what} returns a promise`);
        const problem = plainProblem(value, `the result of ${what}`);
        assert(problem === undefined, String(problem));
      }),
  },
  {
    id: 'purity.sandbox-loads',
    title: 'its code loads in a sandbox that can only read its own folder',
    needs: ['root'],
    check: async (plugin) => {
      const description = (await plugin.evaluate(undefined, [])) as { name?: unknown };
      assert(description.name === plugin.type.name, `its entry is the type ${shown(description.name)}`);
    },
  },
  {
    id: 'purity.sandbox-same',
    title: 'the entry that the manifest names is this type',
    needs: ['root'],
    check: async (plugin) => {
      const there = (await plugin.evaluate(undefined, [])) as Record<string, unknown>;
      const here = describeType(plugin.written);
      for (const member of Object.keys(here))
        assert(
          isDeepStrictEqual(here[member], overTheWire(there[member])),
          `${member} differs in ${String(plugin.manifestEntry['entry'])}: build the package again`,
        );
    },
  },
  {
    id: 'purity.sandbox-answers',
    title: 'its functions return the same in the process where a hive calls them',
    needs: ['root'],
    check: async (plugin) => {
      for (const call of callsOf(plugin.type)) {
        const here = overTheWire(attempt(call.what, () => callHere(plugin.type, call, argsOf(call))));
        const there = await plugin.evaluate(call.member, call.args).catch((error: Error) => {
          throw new CheckFailure(`${call.what}: ${error.message}`);
        });
        assert(
          isDeepStrictEqual(here, overTheWire(there)),
          `${call.what} returns ${shown(there)} there and ${shown(here)} here`,
        );
      }
    },
  },
] as const satisfies readonly Check[];
