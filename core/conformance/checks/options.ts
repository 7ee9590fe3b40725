/** The options that users set with `--option`. */
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { OptionSchema, OptionsSchema } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { resolveOptions } from '../../worker-types/worker-options.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { slowLine } from '../regex-speed.ts';
import { binaryRequests, builtFor, defaultOptions, launchesOf } from '../samples.ts';

const keywords = ['type', 'description', 'default', 'secret', 'enum', 'minimum', 'maximum', 'pattern', 'items'];

const each = ({ options }: ResolvedType): [string, OptionSchema][] => Object.entries(options?.properties ?? {});

/** What the hive does with options before a spawn. */
const accept = (type: ResolvedType, given: Record<string, unknown>) =>
  resolveOptions(type as unknown as Parameters<typeof resolveOptions>[0], given);

const isRefused = (type: ResolvedType, given: Record<string, unknown>): boolean => {
  try {
    accept(type, given);
    return false;
  } catch {
    return true;
  }
};

const wrongValues: Readonly<Record<OptionSchema['type'], readonly unknown[]>> = {
  string: [['a'], {}],
  integer: ['seven', 1.5, true],
  number: ['seven', Number.POSITIVE_INFINITY, true],
  boolean: ['true', 1],
  // One value alone is a list of one, and a text is split at its commas.
  array: [{}, [{}]],
};

/** Values at the bounds of the schema. */
const edges = (option: OptionSchema): unknown[] =>
  [option.default, option.minimum, option.maximum, ...(option.enum ?? [])].filter((value) => value !== undefined);

export const optionChecks = [
  {
    id: 'options.schema',
    title: 'its options are an object schema with keywords that a hive supports',
    needs: ['options'],
    check: ({ type }) => {
      const schema = type.options as OptionsSchema & Record<string, unknown>;
      assert(schema.type === 'object', 'options.type must be "object"');
      assert(!('required' in schema), 'an option without a value takes its default: leave "required" out');
      for (const [name, option] of each(type)) {
        const unknown = Object.keys(option).filter((keyword) => !keywords.includes(keyword));
        assert(unknown.length === 0, `option ${name}: a hive does not support ${unknown.join(', ')}`);
      }
    },
  },
  {
    id: 'options.names',
    title: 'its options have names that can be typed',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name] of each(type))
        assert(/^[a-z][a-z0-9_-]*$/.test(name), `an option cannot be called ${shown(name)}`);
    },
  },
  {
    id: 'options.described',
    title: 'every option is described in one line',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, { description }] of each(type))
        assert(/^\S.{3,}$/.test(description ?? ''), `option ${name} has the description ${shown(description)}`);
    },
  },
  {
    id: 'options.defaults',
    title: 'every option has a default, except secrets',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, option] of each(type))
        assert(option.secret === true || option.default !== undefined, `option ${name} has no default`);
    },
  },
  {
    id: 'options.defaults-valid',
    title: 'the defaults match their own schema',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, { default: value }] of each(type))
        attempt(`the default of option ${name}`, () => value === undefined || accept(type, { [name]: value }));
    },
  },
  {
    id: 'options.bounds',
    title: 'bounds and choices make sense',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, option] of each(type)) {
        const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = option;
        assert(minimum <= maximum, `option ${name} is at least ${minimum} and at most ${maximum}`);
        assert(option.enum === undefined || option.enum.length > 0, `option ${name} has no choice`);
        assert(new Set(option.enum).size === (option.enum?.length ?? 0), `option ${name} names a choice twice`);
        for (const choice of option.enum ?? [])
          attempt(`choice ${shown(choice)} of option ${name}`, () =>
            accept(type, { [name]: option.type === 'array' ? [choice] : choice }),
          );
      }
    },
  },
  {
    id: 'options.patterns',
    title: 'patterns compile, and no value makes them slow',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, { pattern, default: example }] of each(type)) {
        if (pattern === undefined) continue;
        attempt(`the pattern of option ${name}`, () => new RegExp(pattern));
        assert(
          slowLine(new RegExp(pattern), String(example ?? '')) === null,
          `the pattern of option ${name} is very slow on some values: ${pattern}`,
        );
      }
    },
  },
  {
    id: 'options.unknown',
    title: 'an unknown option is refused',
    needs: ['options'],
    check: ({ type }) => {
      const { additionalProperties } = type.options as { additionalProperties?: unknown };
      assert(additionalProperties !== true, 'a hive refuses unknown options: leave "additionalProperties" out');
      assert(isRefused(type, { 'no-such-option-of-any-engine': 1 }), 'it accepts any option');
    },
  },
  {
    id: 'options.kinds',
    title: 'a value of the wrong kind is refused for every option',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, option] of each(type)) {
        assert(Object.hasOwn(wrongValues, option.type), `option ${name} is of type ${shown(option.type)}`);
        for (const value of wrongValues[option.type])
          assert(isRefused(type, { [name]: value }), `option ${name} takes ${shown(value)}`);
      }
    },
  },
  {
    id: 'options.edges',
    title: 'its command line can be made with every choice and at every bound',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, option] of each(type)) {
        for (const value of edges(option)) {
          const options = { ...defaultOptions(type), [name]: value };
          for (const { what, launch } of launchesOf(type, { options }))
            attempt(`command for ${what} with ${name}=${shown(value)}`, () => type.command(launch));
        }
      }
    },
  },
  {
    id: 'options.used',
    title: 'every option with a choice makes a difference',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, option] of each(type)) {
        const values = option.type === 'boolean' ? [true, false] : edges(option);
        if (new Set(values).size < 2) continue;
        assert(
          new Set(values.map((value) => effectOf(type, { [name]: value }))).size > 1,
          `option ${name} is not used`,
        );
      }
    },
  },
  {
    id: 'options.defaults-taken',
    title: 'its own check of options accepts the defaults with every program',
    needs: ['options', 'checkOptions'],
    check: ({ type }) => {
      for (const { what, launch } of launchesOf(type)) {
        const { variant, device, options, binary } = launch;
        const request = { variant, device, options, binary: { id: binary.id } };
        const problems = attempt(`checkOptions for ${what}`, () => type.checkOptions?.(request));
        const problem = shapeProblem(answerShapes.checkOptions, problems);
        assert(problem === undefined, `checkOptions for ${what} returns ${shown(problems)}: ${problem}`);
        assert(problems?.length === 0, `checkOptions for ${what} refuses the defaults: ${shown(problems)}`);
      }
    },
  },
] as const satisfies readonly Check[];

/** Everything that an option can change, as one text: sources, command lines, the estimate. */
const effectOf = (type: ResolvedType, given: Record<string, unknown>): string => {
  const options = { ...defaultOptions(type), ...given };
  const launches = launchesOf(type, { options });
  const model = { reference: 'file:/m', format: type.models?.formats[0] ?? 'gguf', bytes: 2 ** 32, metadata: {} };
  return JSON.stringify([
    type.variants.map((variant) =>
      builtFor(variant).flatMap((platform) =>
        binaryRequests(type, platform, options).map(({ request }) => variant.resolveBinary(request)),
      ),
    ),
    launches.map(({ launch }) => [type.command(launch), type.estimate?.(model, launch)]),
  ]);
};
