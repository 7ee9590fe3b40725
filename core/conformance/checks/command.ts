/** The command line of a worker: every value arrives unchanged. */

import { isAbsolute } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { formatDevice } from '../../contract/device.ts';
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { Command, Launch } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { resolveOptions } from '../../worker-types/worker-options.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { shellTexts } from '../fuzz-inputs.ts';
import { kindsOf, type LaunchCase, launchesOf, modelPaths } from '../samples.ts';

const commandOf = (type: ResolvedType, { what, launch }: LaunchCase): Command =>
  attempt(`command for ${what}`, () => type.command(launch));

/** Checks the command of every variant, device and program. */
const each = (
  type: ResolvedType,
  look: (command: Command, launch: Launch, what: string) => void,
  change: Partial<Launch> = {},
): void => {
  for (const one of launchesOf(type, change)) look(commandOf(type, one), one.launch, one.what);
};

const words = ({ args, env = {} }: Command): string[] => [...args, ...Object.values(env)];

/** Whether one argument or variable contains the text, verbatim or as a JSON string. */
const carries = (command: Command, text: string): boolean => {
  const json = JSON.stringify(text).slice(1, -1);
  return words(command).some((word) => word.includes(text) || word.includes(json));
};

/** Variables that belong to the hive or affect every program. */
const foreign =
  /^(RBEE_RUN_NONCE|RBEE_WORKER_ID|RBEE_STATE|RBEE_READY_.*|LD_PRELOAD|DYLD_INSERT_LIBRARIES|NODE_OPTIONS|PATH|HOME)$/;

/** A plugin script listens on the port: it can read RBEE_API_KEY, which every worker has in its environment. */
const isOwnScript = ({ adapter }: ResolvedType, { id, kind }: Launch['binary']): boolean =>
  kind === 'module' || (adapter !== undefined && (adapter.for?.includes(id) ?? true));

/** Passes each hostile text: it must arrive unchanged, and must not change the number of arguments. */
const arrives = (
  type: ResolvedType,
  change: (text: string) => Partial<Launch>,
  wanted: (launch: Launch) => string[],
): void => {
  const plain = launchesOf(type, change('plain')).map((one) => commandOf(type, one).args.length);
  for (const text of shellTexts) {
    for (const [index, one] of launchesOf(type, change(text)).entries()) {
      const command = commandOf(type, one);
      assert(command.args.length === plain[index], `command for ${one.what} splits ${shown(text)}`);
      for (const each of wanted(one.launch))
        assert(carries(command, each), `command for ${one.what} garbles ${shown(each)}`);
    }
  }
};

export const commandChecks = [
  {
    id: 'command.shape',
    title: 'every variant, device and program has a command line of strings',
    check: ({ type }) =>
      each(type, (command, _, what) => {
        const problem = shapeProblem(answerShapes.command, command);
        assert(problem === undefined, `command for ${what} returns ${shown(command)}: ${problem}`);
      }),
  },
  {
    id: 'command.port',
    title: 'the command line passes the port, and the new one on the next start',
    check: ({ type }) => {
      for (const port of [18_765, 40_961]) {
        each(
          type,
          (command, _, what) => {
            assert(carries(command, String(port)), `command for ${what} does not name port ${port}`);
            assert(!carries(command, port === 18_765 ? '40961' : '18765'), `command for ${what} names an old port`);
          },
          { port },
        );
      }
    },
  },
  {
    id: 'command.host',
    title: 'the command line passes the address to listen on',
    check: ({ type }) =>
      each(
        type,
        (command, _, what) => assert(carries(command, '127.9.8.7'), `command for ${what} does not name the address`),
        {
          host: '127.9.8.7',
        },
      ),
  },
  {
    id: 'command.not-everywhere',
    title: 'the command line never makes the engine listen on every address',
    check: ({ type }) =>
      each(type, (command, _, what) =>
        assert(
          !words(command).some((word) => /^(--?[\w-]+=)?(0\.0\.0\.0|::|\[::\])(:\d+)?$/.test(word)),
          `command for ${what} listens on every address`,
        ),
      ),
  },
  {
    id: 'command.names',
    title: 'the command line passes every name of the model',
    needs: ['models'],
    check: ({ type }) =>
      each(type, (command, { names }, what) => {
        for (const name of names) assert(carries(command, name), `command for ${what} omits the name ${name}`);
      }),
  },
  {
    id: 'command.model',
    title: 'the command line passes the path of each model component',
    needs: ['models'],
    check: ({ type }) =>
      each(type, (command, { models }, what) => {
        for (const [component, path] of Object.entries(models))
          assert(carries(command, path), `command for ${what} omits the component ${component}`);
      }),
  },
  {
    id: 'command.optional-model',
    title: 'a command line can be made without a model and without optional components',
    needs: ['models'],
    check: ({ type }) => {
      const required = Object.entries(type.models?.components ?? {}).filter(([, component]) => component.required);
      const least = Object.fromEntries(required.map(([name]) => [name, `/models/${name}`]));
      each(type, () => {}, { models: { ...least, main: '/models/main' } });
      if (type.models?.optional) each(type, () => {}, { models: {}, names: [type.name] });
    },
  },
  {
    id: 'command.api-key',
    title: 'the API key is never an argument, where every user of the machine could read it',
    check: ({ type }) =>
      each(type, ({ args }, { apiKey }, what) =>
        assert(!args.some((arg) => arg.includes(apiKey)), `command for ${what} shows the API key: pass it in env`),
      ),
  },
  {
    id: 'command.api-key-given',
    title: 'a program from elsewhere gets the API key in a variable, or the type says that it is keyless',
    check: ({ type }) =>
      each(type, ({ env = {} }, { apiKey, binary }, what) =>
        assert(
          type.keyless === true ||
            isOwnScript(type, binary) ||
            Object.values(env).some((value) => value.includes(apiKey)),
          `command for ${what} has no variable with launch.apiKey: any user of the machine could use it`,
        ),
      ),
  },
  {
    id: 'command.device',
    title: 'different devices never have the same command line and environment',
    check: ({ type }) => {
      const started = (one: LaunchCase) => {
        const { args, env } = commandOf(type, one);
        return { args, env: { ...one.launch.deviceFlags.env, ...env } };
      };
      const cases = launchesOf(type).filter(
        ({ variant }) => !kindsOf(variant).some((kind) => kind === 'cpu' || kind === 'metal'),
      );
      for (const one of cases) {
        for (const other of cases) {
          const [a, b] = [one.launch, other.launch];
          if (a.variant !== b.variant || a.binary.id !== b.binary.id) continue;
          if (formatDevice(a.device) === formatDevice(b.device)) continue;
          assert(
            !isDeepStrictEqual(started(one), started(other)),
            `${one.what} and ${other.what} get the same command`,
          );
        }
      }
    },
  },
  {
    id: 'command.hostile-model',
    title: 'a path with spaces, quotes, $(…) or line breaks arrives as one argument',
    needs: ['models'],
    check: ({ type }) =>
      arrives(
        type,
        (text) => ({ models: modelPaths(type, `/models/${text}/m`) }),
        ({ models }) => Object.values(models),
      ),
  },
  {
    id: 'command.hostile-name',
    title: 'a name with spaces, quotes, $(…) or line breaks arrives as one argument',
    needs: ['models'],
    check: ({ type }) =>
      arrives(
        type,
        (text) => ({ names: [text, `${text}-too`] }),
        ({ names }) => [...names],
      ),
  },
  {
    id: 'command.hostile-option',
    title: 'an option with spaces, quotes, $(…) or line breaks arrives as one argument',
    needs: ['options'],
    check: ({ type }) => {
      for (const [name, option] of Object.entries(type.options?.properties ?? {})) {
        const isText =
          option.type === 'string' || (option.type === 'array' && (option.items?.type ?? 'string') === 'string');
        if (!isText || option.secret === true || option.enum !== undefined || option.pattern !== undefined) continue;
        const options = (text: string) => {
          const given = { [name]: option.type === 'array' ? [text] : text };
          return { options: resolveOptions(type as unknown as Parameters<typeof resolveOptions>[0], given) };
        };
        arrives(type, options, () => []);
      }
    },
  },
  {
    id: 'command.no-nul',
    title: 'no argument or variable contains a NUL character',
    check: ({ type }) =>
      each(type, (command, _, what) =>
        assert(!words(command).some((word) => word.includes('\0')), `command for ${what} contains a NUL`),
      ),
  },
  {
    id: 'command.environment',
    title: 'variables have valid names, and none belongs to the hive or affects every program',
    check: ({ type }) =>
      each(type, ({ env = {} }, { deviceFlags }, what) => {
        for (const name of Object.keys({ ...deviceFlags.env, ...env })) {
          assert(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name), `command for ${what} sets ${shown(name)}`);
          assert(!foreign.test(name), `command for ${what} sets ${name}`);
        }
      }),
  },
  {
    id: 'command.folder',
    title: 'its working folder is an absolute path or the default',
    check: ({ type }) =>
      each(type, ({ cwd }, _, what) =>
        assert(cwd === undefined || isAbsolute(cwd), `command for ${what} has the working folder ${shown(cwd)}`),
      ),
  },
] as const satisfies readonly Check[];
