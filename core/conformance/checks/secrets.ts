/** Secrets and variables from users: only the engine gets their values. */

import { referencedSecret, secretReference, variablePattern } from '../../contract/secret-reference.ts';
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { Command, Launch } from '../../contract/worker-type/worker-type.ts';
import { secretProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { defaultOptions, launchesOf } from '../samples.ts';

const secretOptions = ({ options }: ResolvedType): string[] =>
  Object.entries(options?.properties ?? {}).flatMap(([name, { secret }]) => (secret === true ? [name] : []));

/** Checks the command of every variant, device and program, with every secret given. */
const each = (type: ResolvedType, look: (command: Command, launch: Launch, what: string) => void): void => {
  const names = secretOptions(type);
  const given = Object.fromEntries(names.map((name) => [name, secretReference(`examined-${name}`)]));
  const secretFiles = Object.fromEntries(names.map((name) => [name, `/secrets/examined-${name}`]));
  for (const { what, launch } of launchesOf(type, { options: { ...defaultOptions(type), ...given }, secretFiles })) {
    look(
      attempt(`command for ${what}`, () => type.command(launch)),
      launch,
      what,
    );
  }
};

/** Variables that affect every program, or belong to rbee. */
const steering = /^(LD_|DYLD_|NODE_OPTIONS$|PYTHONPATH$|PYTHONSTARTUP$|BASH_ENV$|ENV$|PATH$|HOME$|RBEE_)/;

export const secretChecks = [
  {
    id: 'secrets.schema',
    title: 'a secret option is a string without default, choice or pattern',
    needs: ['secrets'],
    check: ({ type }) => {
      for (const [name, option] of Object.entries(type.options?.properties ?? {})) {
        const problem = secretProblem(option as Parameters<typeof secretProblem>[0]);
        assert(problem === undefined, `option ${name} ${problem}`);
      }
    },
  },
  {
    id: 'secrets.arguments',
    title: 'a secret is never an argument, where every user of the machine could read it',
    needs: ['secrets'],
    check: ({ type }) =>
      each(type, ({ args }, { options }, what) => {
        for (const name of secretOptions(type)) {
          const reference = String(options[name]);
          assert(
            !args.some((arg) => arg.includes(reference)),
            `command for ${what} has option ${name} in an argument: pass it in env, or pass launch.secretFiles.${name}`,
          );
        }
      }),
  },
  {
    id: 'secrets.given',
    title: 'the engine gets every secret, in its own variable or as the path of a file',
    needs: ['secrets'],
    check: ({ type }) =>
      each(type, ({ args, env = {} }, { options, secretFiles = {} }, what) => {
        const variables = Object.values(env);
        for (const name of secretOptions(type)) {
          const file = secretFiles[name] ?? '';
          assert(
            variables.includes(String(options[name])) || [...args, ...variables].some((word) => word.includes(file)),
            `command for ${what} does not use option ${name}: a variable must hold the value of the option and nothing else`,
          );
        }
      }),
  },
  {
    id: 'secrets.own',
    title: 'it uses no secret that its options do not declare',
    check: ({ type }) => {
      for (const { what, launch } of launchesOf(type)) {
        const { env = {} } = attempt(`command for ${what}`, () => type.command(launch));
        const asked = Object.values(env).find((value) => referencedSecret(value) !== undefined);
        assert(asked === undefined, `command for ${what} uses ${asked}, which is not in its spec`);
      }
    },
  },
  {
    id: 'secrets.environment',
    title: 'variables that users may set have valid names, and none affects every program',
    needs: ['environment'],
    check: ({ type }) => {
      const names = type.environment ?? [];
      assert(new Set(names).size === names.length, 'environment names a variable twice');
      for (const name of names) {
        assert(new RegExp(variablePattern).test(name), `a variable cannot be called ${shown(name)}`);
        assert(!steering.test(name), `users must not set ${name}: it affects every program`);
      }
    },
  },
] as const satisfies readonly Check[];
