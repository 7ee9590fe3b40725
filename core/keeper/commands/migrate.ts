/** `rbee migrate` */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { RbeeError } from '../../contract/errors.ts';
import type { MigrationResult } from '../../contract/sync.ts';
import { QueenCommand } from '../base.ts';
import { expectWritable, writeOutput } from '../inference/files.ts';
import { hivesFlag, sshFlags, sshInput } from '../machines/flags.ts';
import { counted } from '../views/counted.ts';

export default class Migrate extends QueenCommand {
  static override summary = 'Write a hives.conf from what is there: hives, worker types, workers.';
  static override description = 'A sync with the file that it writes changes nothing.';
  static override examples = [
    { description: 'Look at it', command: 'rbee migrate' },
    { description: 'Begin with it', command: 'rbee migrate ~/.config/rbee/hives.conf' },
    { description: 'One machine, over what is there', command: 'rbee migrate lab.conf --hive gpu-1 --force' },
  ];
  static override args = {
    out: Args.string({ description: 'File to write; printed when absent or -', required: false, ignoreStdin: true }),
  };
  static override flags = {
    ...hivesFlag,
    force: Flags.boolean({ char: 'f', description: 'Replace the file if it is there' }),
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
