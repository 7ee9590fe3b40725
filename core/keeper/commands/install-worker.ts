/** `rbee install-worker`, of earlier versions */
import { deprecated } from '../deprecated.ts';
import PluginsInstall from './plugins/install.ts';

export default class InstallWorker extends PluginsInstall {
  static override summary = 'Install a worker type on a hive (deprecated: declare it in hives.conf, then rbee sync).';
  static override description = 'The same as rbee plugins install: it is installed, and not declared.';
  static override examples = [
    { description: 'On another machine', command: 'rbee install-worker llamacpp --hive gpu-1' },
  ];
  static override aliases: string[] = [];

  override async run(): ReturnType<PluginsInstall['run']> {
    const instead = 'name the type under workers in hives.conf and run rbee sync, or: rbee plugins install';
    deprecated(this.err, 'rbee install-worker', instead);
    return super.run();
  }
}
