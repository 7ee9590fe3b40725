/** `rbee plugins create` */
import { basename, relative, resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { loadRbeeConf } from '../../../config/rbee-conf.ts';
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
import { type OwnPackages, provideOwnPackages } from '../../plugins/own-packages.ts';
import { putRbeeOnPath } from '../../plugins/rbee-on-path.ts';

interface Created extends NewPlugin, OwnPackages {
  package: string;
  files: string[];
  /** The next commands to run. */
  next: string[];
}

export default class PluginsCreate extends RbeeCommand {
  static override summary = 'Create a plugin with a new worker type that passes its tests and can be spawned.';
  static override examples = [
    { description: 'Your own engine; asks for missing details', command: 'rbee plugins create my-engine' },
    {
      description: 'An existing program, without questions',
      command: 'rbee plugins create my-engine --template worker-program --scope acme --yes',
    },
  ];
  static override args = {
    name: Args.string({ description: 'Name of the new worker type', ignoreStdin: true }),
  };
  static override flags = {
    type: Flags.string({ description: 'Name of the worker type [default: the name of the plugin]' }),
    template: Flags.string({ description: 'Template [default: worker-plugin]', options: Object.keys(templates) }),
    folder: Flags.string({ description: 'Where to create it [default: ./NAME]' }),
    scope: Flags.string({ description: 'npm scope of the package, such as acme' }),
    license: Flags.string({ description: 'Licence [default: MIT]' }),
    yes: Flags.boolean({ char: 'y', description: 'Do not ask questions' }),
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
    const packages = await this.#packages(plugin.folder);
    const path = await putRbeeOnPath(this.env);
    const next = nextSteps(plugin, packages, path);
    const created = { ...plugin, package: packageName(plugin), files, ...packages, next };
    this.print(created, formatCreated);
    return created;
  }

  async #packages(folder: string): Promise<OwnPackages> {
    const { isPublished } = await import('../../../plugins/tree/npm-tree.ts');
    const { registry } = loadRbeeConf(this.paths);
    const npm = { env: this.env, data: this.paths.data };
    return provideOwnPackages(folder, {
      registry: registry.url,
      isPublished: (spec, at) => isPublished(spec, at, npm),
    });
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
      type: { text: 'Name of the worker type', default: given.type ?? 'my-engine', problem: check('type') },
      template: { text: 'Template', default: 'worker-plugin', choices: Object.keys(templates) },
      scope: { text: 'npm scope', default: '', problem: check('scope') },
      license: { text: 'Licence', default: 'MIT', problem: check('license') },
    };
    // Asks again after an invalid name.
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

const formatCreated = ({ package: name, folder, linked, missing, unbuilt, next }: Created): string => {
  const links = Object.entries(linked).map(([one, place]) => `${one} is linked to ${place}\n`);
  const lacks = missing.length === 0 ? '' : `\n${missingText(missing)}`;
  const build = unbuilt === undefined ? '' : `\nThe checkout in ${unbuilt} is not built; build it first.\n`;
  const steps = next.map((command) => `  ${command}\n`).join('');
  return `created ${name} in ${folder}\n${links.join('')}${lacks}${build}\nNext steps:\n\n${steps}\nIts README.md explains the files.\n`;
};

const missingText = (missing: readonly string[]): string =>
  `npm install will not work yet: neither npm's registry nor this rbee has ${missing.join(' and ')}.
Set the registry that has it: npm config set @rbee:registry URL --location=project
`;

/** `@acme/worker-shout`, `rbee-worker-shout` and `shout` all mean the type `shout`. */
const typeOf = (name: string): string => name.replace(/^@[^/]*\//, '').replace(/^(rbee-)?worker-(?=.)/, '');
const scopeOf = (name: string): string | undefined => /^@([^/]+)\//.exec(name)?.[1];

const nextSteps = (
  { type, folder, template }: NewPlugin,
  { unbuilt }: OwnPackages,
  rbeeOnPath: string | null,
): string[] => {
  const path = relative(process.cwd(), folder);
  const isProgram = template === 'worker-program';
  const variable = `RBEE_${type.toUpperCase().replaceAll('-', '_')}`;
  return [
    ...(unbuilt === undefined ? [] : [`npm run build --prefix ${shellWord(unbuilt)}`]),
    ...(rbeeOnPath === null ? [] : [rbeeOnPath]),
    ...(path === '' ? [] : [`cd ${shellWord(path)}`]),
    'npm install',
    'npm test',
    'rbee plugins link .',
    // The hive reads the variable that names the program when it starts.
    ...(isProgram ? [`export ${variable}="$PWD/stand-in/${type}-server.js"`, 'rbee queen restart'] : []),
    `rbee worker spawn --type ${type} --device cpu${isProgram ? ' --model PATH.gguf' : ''}`,
  ];
};

const shellWord = (path: string): string => (/^[\w./-]+$/.test(path) ? path : JSON.stringify(path));
