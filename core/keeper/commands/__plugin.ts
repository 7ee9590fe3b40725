/** `rbee __plugin FOLDER`: loads the commands and hooks of a plugin and describes them. rbee runs it as a child process. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Plugin } from '@oclif/core/config';
import { settings } from '@oclif/core/settings';
import { argument, RbeeCommand } from '../base.ts';
import { declarationOf } from '../plugin-commands/declared.ts';
import { type CommandManifest, type ExaminerMessage, extensions } from '../plugin-commands/examine.ts';
import { lendPackages } from '../plugin-commands/lend-packages.ts';

export default class ExaminePlugin extends RbeeCommand {
  static override hidden = true;
  static override summary = 'Load and describe the commands and hooks of a plugin; used by rbee itself.';
  static override examples = [{ description: 'A plugin in a folder', command: 'rbee __plugin ./my-plugin' }];
  static override args = { folder: argument('Folder of the plugin') };

  async run(): Promise<void> {
    const { args } = await this.parse(ExaminePlugin);
    const declared = declarationOf(args.folder);
    const tell = (message: ExaminerMessage): void => void process.send?.(message);
    if (declared === null) return;
    const faults: string[] = [];
    const hooks: string[] = [];
    lendPackages();
    for (const [event, files] of Object.entries(declared.hooks)) {
      tell({ loading: `its hook ${event}` });
      const problems = await Promise.all(files.map(({ target }) => loadProblem(join(declared.root, target))));
      const problem = problems.find((one) => one !== null);
      if (problem === undefined) hooks.push(event);
      else faults.push(`its hook ${event} could not be loaded: ${problem}`);
    }
    tell({ loading: 'its commands' });
    const manifest = await manifestOf(declared.root, faults);
    tell({ examined: { manifest: JSON.parse(JSON.stringify(manifest)), hooks, faults } });
  }
}

const loadProblem = async (target: string): Promise<string | null> => {
  const index = join(target, 'index');
  const files = [target, index].flatMap((path) => extensions.map((extension) => path + extension));
  const file = /\.[cm]?js$/.test(target) ? target : (files.find((path) => existsSync(path)) ?? target);
  try {
    await import(pathToFileURL(file).href);
    return null;
  } catch (error) {
    return messageOf(error);
  }
};

/** oclif skips what it cannot load, and only emits a process warning about it. */
const manifestOf = async (root: string, faults: string[]): Promise<CommandManifest> => {
  settings.enableAutoTranspile = false;
  const heard = ({ detail = '' }: { detail?: string }): void => {
    const command = /^task: findCommand \((.+)\)$/m.exec(detail)?.[1]?.replaceAll(':', ' ');
    const problem = /^message: (.*)$/m.exec(detail)?.[1] ?? '';
    if (command !== undefined) faults.push(`its command ${command} could not be loaded: ${problem}`);
  };
  process.on('warning', heard);
  const plugin = new Plugin({ root, type: 'link' });
  try {
    await plugin.load();
    await new Promise((done) => setImmediate(done));
    return plugin.manifest as unknown as CommandManifest;
  } catch (error) {
    faults.push(`its commands could not be loaded: ${messageOf(error)}`);
    return { version: '', commands: {} };
  } finally {
    process.off('warning', heard);
  }
};

const messageOf = (error: unknown): string => firstLine(error instanceof Error ? error.message : String(error));

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
