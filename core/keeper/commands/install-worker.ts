/** `rbee install-worker`, a deprecated command */
import { deprecated } from '../deprecated.ts';
import PluginsInstall from './plugins/install.ts';

export default class InstallWorker extends PluginsInstall {
  static override summary = 'Install a worker type on a hive (deprecated: declare it in hives.conf, then rbee sync).';
  static override description =
    'The same as rbee plugins install: installs the type without declaring it in hives.conf.';
  static override examples = [
    { description: 'On another machine', command: 'rbee install-worker llamacpp --hive gpu-1' },
  ];
  static override aliases: string[] = [];

  override async run(): ReturnType<PluginsInstall['run']> {
    const instead = 'declare the type under workers in hives.conf and run rbee sync, or use: rbee plugins install';
    deprecated(this.err, 'rbee install-worker', instead);
    return super.run();
  }
}
