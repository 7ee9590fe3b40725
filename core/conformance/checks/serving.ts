/** What its workers serve and can do, out of everything that the type declares. */

import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import { placeholders } from '../../contract/worker-type/served-path.ts';
import type { OptionSchema, PreparedLaunch, ServedPath } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { defaultOptions, modelFacts, preparedLaunches, sourcesOf } from '../samples.ts';
import { oddMetadata } from './estimate.ts';

const optionsOf = ({ options }: ResolvedType): [string, OptionSchema][] => Object.entries(options?.properties ?? {});

/** The default options, and variations in one switch or one choice. */
const optionSets = (type: ResolvedType): Record<string, unknown>[] => {
  const defaults = defaultOptions(type);
  const changed = optionsOf(type).flatMap(([name, { type: kind, enum: choices }]) => {
    const values = kind === 'boolean' ? [true, false] : (choices ?? []);
    return values.map((value) => ({ ...defaults, [name]: value }));
  });
  return [defaults, ...changed];
};

const launches = (type: ResolvedType): { what: string; launch: PreparedLaunch }[] =>
  optionSets(type).flatMap((options) => preparedLaunches(type, { options }));

/** Answers of a function for every launch, each of the right shape. */
const answers = (
  type: ResolvedType,
  member: 'unserved' | 'abilities' | 'forecast',
  cases = launches(type),
): { what: string; answer: unknown; launch: PreparedLaunch }[] =>
  cases.map(({ what, launch }) => {
    const name = `${member} for ${what}`;
    const answer = attempt(name, () => type[member]?.(launch)) ?? null;
    const problem = shapeProblem(answerShapes[member], answer);
    assert(problem === undefined, `${name} is ${shown(answer)}: ${problem}`);
    return { what, answer, launch };
  });

const isMet = ({ needs }: ServedPath, { binary, options }: PreparedLaunch): boolean =>
  (needs?.engine === undefined || [needs.engine].flat().includes(binary.id)) &&
  (needs?.option === undefined || options[needs.option] === true);

export const servingChecks = [
  {
    id: 'serving.segments',
    title: 'a path names each of its placeholders only once',
    check: ({ type }) => {
      for (const { path } of type.serves) {
        const names = placeholders(path);
        assert(new Set(names).size === names.length, `${path} names a placeholder twice`);
      }
    },
  },
  {
    id: 'serving.affinity',
    title: 'each id that an answer creates is part of another path',
    needs: ['affinity'],
    check: ({ type }) => {
      const used = new Set(type.serves.flatMap(({ path }) => placeholders(path)));
      for (const { path, affinity = {} } of type.serves) {
        for (const [name, field] of Object.entries(affinity)) {
          assert(used.has(name), `${path} creates ${name}, but no path has {${name}}`);
          assert(/^[^.\s]+(\.[^.\s]+)*$/.test(field), `the field of ${name} is ${shown(field)}`);
        }
      }
    },
  },
  {
    id: 'serving.needs',
    title: 'a path needs only an engine that is a source, or an option that is true or false',
    needs: ['needs'],
    check: ({ type }) => {
      const engines = new Set(
        type.variants.flatMap((variant) =>
          optionSets(type).flatMap((options) => sourcesOf(type, variant, options).map(({ id }) => id)),
        ),
      );
      for (const { path, needs } of type.serves) {
        for (const engine of [needs?.engine ?? []].flat())
          assert(engines.has(engine), `${path} needs the engine ${engine}; its sources are ${[...engines].join(', ')}`);
        const { option } = needs ?? {};
        if (option === undefined) continue;
        const kind = type.options?.properties[option]?.type;
        assert(kind === 'boolean', `${path} needs the option ${option}, which is ${kind ?? 'missing'}`);
      }
    },
  },
  {
    id: 'serving.unserved',
    title: 'each unserved path is one that the type serves and has a hint, and something is always served',
    needs: ['unserved'],
    check: ({ type }) => {
      const paths = type.serves.map(({ path }) => path);
      for (const { what, answer, launch } of answers(type, 'unserved')) {
        const unserved = answer as { path: string; hint: string }[];
        for (const { path, hint } of unserved) {
          assert(paths.includes(path), `unserved for ${what} has ${shown(path)}, which is not in serves`);
          assert(/^\S.*$/.test(hint), `the hint for ${path} is ${shown(hint)}`);
        }
        const left = type.serves.filter(
          (served) => isMet(served, launch) && !unserved.some(({ path }) => path === served.path),
        );
        assert(left.length > 0, `for ${what}, nothing is left to serve`);
      }
    },
  },
  {
    id: 'serving.abilities',
    title: 'each ability of its model is a number, true or false, even for odd models',
    needs: ['abilities'],
    check: ({ type }) => {
      answers(type, 'abilities');
      const facts = modelFacts(type);
      const odd = oddMetadata.flatMap((metadata) => preparedLaunches(type, { model: { ...facts, metadata } }));
      for (const { what, answer } of answers(type, 'abilities', odd)) {
        const { contextLength = 1, dimensions = 1 } = answer as Record<string, number>;
        assert(contextLength > 0 && dimensions > 0, `abilities for ${what} is ${shown(answer)}`);
      }
    },
  },
  {
    id: 'serving.slots',
    title: 'its number of slots is whole and at least 1, whatever its options',
    needs: ['slots'],
    check: ({ type }) => {
      const defaults = defaultOptions(type);
      const edges = optionsOf(type).flatMap(([name, { minimum, maximum }]) =>
        [minimum, maximum].flatMap((value) => (value === undefined ? [] : [{ ...defaults, [name]: value }])),
      );
      for (const options of [...optionSets(type), ...edges]) {
        const slots = attempt('slots', () => type.slots?.(options));
        const problem = shapeProblem(answerShapes.slots, slots);
        assert(problem === undefined, `slots for ${shown(options)} is ${shown(slots)}: ${problem}`);
      }
    },
  },
  {
    id: 'serving.forecast',
    title: 'it can read the output of its forecast program, even if there is none',
    needs: ['forecast'],
    check: ({ type }) => {
      assert(type.forecast && type.readForecast, 'forecast and readForecast come together');
      answers(type, 'forecast');
      for (const output of [
        { stdout: '', stderr: '', code: 0 },
        { stdout: '', stderr: 'error: no such option\n', code: 1 },
        { stdout: 'x'.repeat(10_000), stderr: '', code: null },
      ]) {
        const forecast = attempt('readForecast', () => type.readForecast?.(output)) ?? null;
        const problem = shapeProblem(answerShapes.readForecast, forecast);
        assert(problem === undefined, `readForecast returns ${shown(forecast)}: ${problem}`);
      }
    },
  },
] as const satisfies readonly Check[];
