/** `rbee plugins create` */
import { basename, relative, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RbeeError } from '../../../contract/errors.ts';
import { RbeeCommand } from '../../base.ts';
import {
  createPlugin,
  type NewPlugin,
  nameProblem,
  packageName,
  type Template,
  templates,
} from '../../plugins/create-plugin.ts';

interface Created extends NewPlugin {
  package: string;
  files: string[];
  /** Commands to go on with. */
  next: string[];
}

export default class PluginsCreate extends RbeeCommand {
  static override summary = 'Make a new worker type: a package that builds, passes its tests, and can be spawned.';
  static override examples = [
    { description: 'An engine of your own; asks for what is not said', command: 'rbee plugins create my-engine' },
    {
      description: "Somebody else's program, without questions",
      command: 'rbee plugins create my-engine --template worker-program --scope acme --yes',
    },
  ];
  static override args = {
    name: Args.string({ description: 'Name of the new worker type', ignoreStdin: true }),
  };
  static override flags = {
    type: Flags.string({ description: 'Name of the worker type, if it is not that of the folder' }),
    template: Flags.string({ description: 'What to begin with (worker-plugin)', options: Object.keys(templates) }),
    folder: Flags.string({ description: 'Where to make it (./NAME)' }),
    scope: Flags.string({ description: 'npm scope of the package, such as acme' }),
    license: Flags.string({ description: 'Its licence (MIT)' }),
    yes: Flags.boolean({ char: 'y', description: 'Ask nothing' }),
  };

  async run(): Promise<Created> {
    const { args, flags } = await this.parse(PluginsCreate);
    const asks = process.stdin.isTTY === true && !flags.yes && !this.jsonEnabled();
    const name = args.name ?? flags.type ?? (flags.folder && basename(resolve(flags.folder)));
    if (name === undefined && !asks) {
      throw RbeeError.of('USAGE', {
        problem: 'the name of the new worker type is missing',
        help: `rbee ${this.id?.replaceAll(':', ' ')} --help`,
      });
    }
    const given = {
      ...flags,
      type: flags.type ?? (name && typeOf(name)),
      scope: flags.scope ?? (name && scopeOf(name)),
    };
    const plugin = asks ? await this.#ask(given) : this.#plugin(given);
    const files = await createPlugin(plugin);
    const created = { ...plugin, package: packageName(plugin), files, next: nextSteps(plugin) };
    this.print(created, formatCreated);
    return created;
  }

  #plugin({ type = '', folder, scope = '', template = 'worker-plugin', license = 'MIT' }: Given): NewPlugin {
    const plain = scope.replace(/^@/, '');
    return { type, scope: plain, license, template: template as Template, folder: resolve(folder ?? type) };
  }

  async #ask(given: Given): Promise<NewPlugin> {
    const { askAll } = await import('../../plugins/ask-names.ts');
    const check = (key: 'type' | 'scope' | 'license') => (answer: string) =>
      nameProblem({ type: 'checked', scope: '', license: 'MIT', [key]: answer.replace(/^@/, '') });
    const questions = {
      type: { text: 'Name of the worker type', usual: given.type ?? 'my-engine', problem: check('type') },
      template: { text: 'Template', usual: 'worker-plugin', choices: Object.keys(templates) },
      scope: { text: 'npm scope', usual: '', problem: check('scope') },
      license: { text: 'Licence', usual: 'MIT', problem: check('license') },
    };
    // A name that will not do is asked for again.
    const known =
      given.type !== undefined && check('type')(given.type) === undefined ? given : { ...given, type: undefined };
    const open = (Object.keys(questions) as (keyof typeof questions)[]).filter((key) => known[key] === undefined);
    const answers = await askAll(open.map((key) => questions[key])).catch((error) => {
      this.interrupted = true;
      throw error;
    });
    return this.#plugin({ ...known, ...Object.fromEntries(open.map((key, index) => [key, answers[index]])) });
  }
}

interface Given {
  type?: string;
  template?: string;
  folder?: string;
  scope?: string;
  license?: string;
}

const formatCreated = ({ package: name, folder, next }: Created): string =>
  `made ${name} in ${folder}\n\nGo on with:\n\n${next.map((command) => `  ${command}\n`).join('')}\nWhat to put where is in its README.md.\n`;

/** `@acme/worker-shout`, `rbee-worker-shout` and `shout` all mean the type `shout`. */
const typeOf = (name: string): string => name.replace(/^@[^/]*\//, '').replace(/^(rbee-)?worker-(?=.)/, '');
const scopeOf = (name: string): string | undefined => /^@([^/]+)\//.exec(name)?.[1];

const nextSteps = ({ type, folder, template }: NewPlugin): string[] => {
  const path = relative(process.cwd(), folder);
  const model = template === 'worker-program' ? ' --model ./model.gguf' : '';
  return [
    ...(path === '' ? [] : [`cd ${/^[\w./-]+$/.test(path) ? path : JSON.stringify(path)}`]),
    'npm install',
    'npm test',
    'rbee plugins link .',
    `rbee worker spawn --type ${type} --device cpu${model}`,
  ];
};
