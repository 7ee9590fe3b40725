/** `rbee plugins install` */
import * as Flags from '@oclif/core/flags';
import type { PluginView } from '../../../contract/plugins.ts';
import { argument, QueenCommand } from '../../base.ts';
import { hiveFlag, offlineFlag, pluginArgument, scriptsFlag } from '../../plugins/plugin-input.ts';
import { formatInstalled } from '../../views/plugins.ts';
import { detachFlag } from '../../worker-change.ts';

export default class PluginsInstall extends QueenCommand {
  static override summary = 'Install a worker type.';
  static override description =
    'By worker type, npm package (with a version or range), tarball, or folder. It can be used right away.';
  static override examples = [
    { description: 'llama.cpp, in the best build for this machine', command: 'rbee plugins install llamacpp' },
    { description: 'A version of a package', command: 'rbee plugins install @acme/worker-echo@^1.2' },
    {
      description: 'The CUDA build, on another machine',
      command: 'rbee plugins install llamacpp --variant cuda --hive gpu-box',
    },
    { description: 'From a file, without a network', command: 'rbee plugins install ./worker-echo-1.0.0.tgz --yes' },
  ];
  static override aliases = ['plugins:add'];
  static override args = { plugin: argument('Type, package, tarball or folder') };
  static override flags = {
    variant: Flags.string({
      description: 'Build of the type [default: the best one for that machine]',
      helpValue: '<variant>',
    }),
    yes: Flags.boolean({ char: 'y', description: 'Trust an unknown publisher without asking' }),
    ...scriptsFlag,
    ...offlineFlag,
    force: Flags.boolean({ char: 'f', description: 'Reinstall, or replace another plugin that provides its type' }),
    ...hiveFlag,
    ...detachFlag,
  };

  async run(): Promise<PluginView | { job_id: string }> {
    const { args, flags } = await this.parse(PluginsInstall);
    const { variant, yes, offline, force, hive } = flags;
    const plugin = pluginArgument(args.plugin, this.folder);
    const scripts = flags['allow-scripts'];
    // Without a terminal there is no one to answer.
    const ask = process.stdin.isTTY && !flags.detach ? undefined : false;
    const input = {
      ...this.only({ plugin, variant, yes, scripts, offline, force, hive }),
      ...(ask === false && { ask }),
    };
    const queen = await this.queen(flags);
    if (flags.detach) return this.detachJob(queen, 'worker_install', input);
    const view = await this.runJob(queen, 'worker_install', input);
    this.print(view, formatInstalled);
    return view;
  }
}
