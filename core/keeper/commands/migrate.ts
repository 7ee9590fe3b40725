/** `rbee migrate` */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { MigrationResult } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { QueenCommand } from '../base.ts';
import { expectWritable, writeOutput } from '../inference/files.ts';
import { hivesFlag, sshFlags, sshInput } from '../machines/flags.ts';
import { counted } from '../views/counted.ts';

export default class Migrate extends QueenCommand {
  static override summary = 'Write a hives.conf that describes the current hives, worker types and workers.';
  static override description = 'Syncing with the new file changes nothing.';
  static override examples = [
    { description: 'Print the file', command: 'rbee migrate' },
    { description: 'Write it to the default location', command: 'rbee migrate ~/.config/rbee/hives.conf' },
    { description: 'One machine, replacing the file', command: 'rbee migrate lab.conf --hive gpu-1 --force' },
  ];
  static override args = {
    out: Args.string({ description: 'File to write [default: print it]', required: false, ignoreStdin: true }),
  };
  static override flags = {
    ...hivesFlag,
    force: Flags.boolean({ char: 'f', description: 'Replace an existing file' }),
    ...sshFlags,
  };

  async run(): Promise<MigrationResult & { file: string | null }> {
    const { args, flags } = await this.parse(Migrate);
    const file = args.out === undefined || args.out === '-' ? null : resolve(args.out);
    if (file !== null && !flags.force && existsSync(file)) throw RbeeError.of('FILE_EXISTS', { path: file });
    if (file !== null) await expectWritable(file);
    const input = { ...this.only({ hives: flags.hive }), ...sshInput(flags, this.env) };
    const result = await this.runJob(await this.queen(flags), 'package_migrate', input);
    await this.narrated(async (narrate) => {
      for (const text of result.notes) narrate({ kind: 'warning', text });
    });
    if (file === null) this.printText(result.text);
    else {
      await writeOutput(file, result.text);
      const { hives, types, workers } = result;
      const what = [counted(hives, 'hive'), counted(types, 'worker type'), counted(workers, 'worker')].join(', ');
      this.printLine(`wrote ${file}: ${what}`);
    }
    return { ...result, file };
  }
}
