/** `rbee plugins check` */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { PackageReport } from '../../../conformance/check-messages.ts';
import { checkPackage } from '../../../conformance/check-package.ts';
import { RbeeError } from '../../../contract/errors.ts';
import { isWithin } from '../../../contract/safe-path.ts';
import { catalogFolder } from '../../../plugins/store.ts';
import { type WrittenManifest, writeManifest } from '../../../worker-types/write-manifest.ts';
import { RbeeCommand } from '../../base.ts';
import { findPlugin } from '../../plugins/find-plugin.ts';
import { catchInterrupts } from '../../terminal/interrupts.ts';
import { exitCodes } from '../../terminal/report.ts';
import { formatExamination, formatWrittenManifest } from '../../views/examination.ts';

export default class PluginsCheck extends RbeeCommand {
  static override summary = 'Check that a worker type follows the contract.';
  static override description =
    'Runs the code of the plugin, so only check plugins that you trust. The package must be built. Exit code 1 if a check fails.';
  static override examples = [
    { description: 'The plugin in this folder', command: 'rbee plugins check' },
    { description: 'Update its manifest', command: 'rbee plugins check --write' },
    { description: 'An installed plugin, for programs', command: 'rbee plugins check @rbee/worker-llamacpp --json' },
  ];
  static override args = {
    plugin: Args.string({
      description: 'Folder, package or worker type',
      default: '.',
      ignoreStdin: true,
    }),
  };

  static override flags = {
    write: Flags.boolean({
      description: 'Only update the manifest in package.json from the code of the plugin',
    }),
  };

  async run(): Promise<PackageReport | WrittenManifest> {
    const { args, flags } = await this.parse(PluginsCheck);
    const root = await findPlugin(args.plugin, this.paths.data, process.cwd());
    if (flags.write) return this.#write(root);
    const report = await this.#examine(root);
    if (!report.passed && !this.interrupted) process.exitCode = exitCodes.failed;
    this.print(report, formatExamination);
    return report;
  }

  async #write(root: string): Promise<WrittenManifest> {
    if (isWithin(catalogFolder(this.paths.data), root)) {
      const problem = 'it is installed, and installed plugins are never changed';
      throw RbeeError.of('INVALID_INPUT', {
        what: `the plugin in ${root}`,
        problem,
        hint: 'pass the folder of a plugin that you are writing',
      });
    }
    const written = await writeManifest(root);
    this.print(written, formatWrittenManifest);
    return written;
  }

  #examine(root: string): Promise<PackageReport> {
    return this.narrated(async (narrate) => {
      const interrupts = catchInterrupts(() => {
        this.interrupted = true;
      });
      let done = 0;
      narrate({ kind: 'step', id: 'examine', text: `examining ${root}` });
      const begun = performance.now();
      try {
        const report = await checkPackage(root, {
          env: this.env,
          signal: interrupts.signal,
          onResult: (_, { title }) => {
            done += 1;
            narrate({ kind: 'progress', id: 'examine', done, text: title });
          },
        });
        narrate({ kind: 'done', id: 'examine', text: `examined ${root}`, ms: performance.now() - begun });
        return report;
      } finally {
        interrupts.stop();
      }
    });
  }
}
