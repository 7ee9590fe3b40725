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
  /** Commands to go on with. */
  next: string[];
}

export default class PluginsCreate extends RbeeCommand {
  static override summary = 'Make a new worker type: a package that passes its tests and can be spawned.';
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

const formatCreated = ({ package: name, folder, linked, missing, unbuilt, next }: Created): string => {
  const links = Object.entries(linked).map(([one, place]) => `its ${one} is a link to ${place}\n`);
  const lacks = missing.length === 0 ? '' : `\n${missingText(missing)}`;
  const build = unbuilt === undefined ? '' : `\nThe checkout in ${unbuilt} is not built; that comes first.\n`;
  const steps = next.map((command) => `  ${command}\n`).join('');
  return `made ${name} in ${folder}\n${links.join('')}${lacks}${build}\nGo on with:\n\n${steps}\nWhat to put where is in its README.md.\n`;
};

const missingText = (missing: readonly string[]): string =>
  `npm install will not work yet: the registry that npm asks here does not have ${missing.join(' and ')}, and this rbee did
not bring it. Tell npm which registry does: npm config set @rbee:registry URL --location=project
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
    // The program is found where the hive's environment says, which it gets when it starts.
    ...(isProgram ? [`export ${variable}="$PWD/stand-in/${type}-server.js"`, 'rbee queen restart'] : []),
    `rbee worker spawn --type ${type} --device cpu${isProgram ? ' --model PATH.gguf' : ''}`,
  ];
};

const shellWord = (path: string): string => (/^[\w./-]+$/.test(path) ? path : JSON.stringify(path));
