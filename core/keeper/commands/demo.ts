/** `rbee demo` */
import { existsSync, readdirSync } from 'node:fs';
import * as Flags from '@oclif/core/flags';
import { isOutcome, type JobEvent, type Narrate } from '../../contract/api/narration.ts';
import type { InferResult, OperationInput, OperationName } from '../../contract/api/operations.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { WorkerView } from '../../contract/worker.ts';
import { paint } from '../../narration/text.ts';
import type { OperationResult } from '../../queen/client/results.ts';
import { RbeeCommand } from '../base.ts';
import { type DemoHome, makeDemoHome } from '../demo/home.ts';
import { asTypedHere } from '../program-name.ts';
import { connectQueen, socketAnswers } from '../queen-access.ts';
import { catchInterrupts } from '../terminal/interrupts.ts';
import { exitCodes } from '../terminal/report.ts';
import { formatWorkers } from '../views/workers.ts';

const prompt = 'Hello';

interface DemoResult {
  worker: WorkerView;
  answer: InferResult;
  /** The home folder, with `--keep`. */
  home: string | null;
}

export default class Demo extends RbeeCommand {
  static override isLocal = true;
  static override summary = 'Try rbee: start a queen and a worker, ask a question, then clean up.';
  static override description =
    'Runs in a temporary home folder, separate from any other rbee on this machine. Takes a few seconds.';
  static override examples = [
    { description: 'See it work', command: 'rbee demo' },
    { description: 'Keep it running to experiment with it', command: 'rbee demo --keep' },
  ];
  static override flags = { keep: Flags.boolean({ description: 'Keep the queen, the worker and the home folder' }) };

  async run(): Promise<DemoResult> {
    const { flags } = await this.parse(Demo);
    // However the demo ends, it must leave nothing behind.
    const interrupts = catchInterrupts(() => {
      this.interrupted = true;
    }, ['SIGINT', 'SIGTERM', 'SIGHUP']);
    const home = await makeDemoHome(this.env);
    let result: DemoResult | undefined;
    try {
      const shown = await this.#show(home, interrupts.signal);
      const kept = flags.keep && !this.interrupted;
      result = { ...shown, home: kept ? home.folder : null };
    } finally {
      if (!result?.home) await this.#tearDown(home);
      interrupts.stop();
      if (this.interrupted) process.exitCode = exitCodes.interrupted;
    }
    this.print(result.home, (folder) =>
      asTypedHere(folder === null ? howToGoOn : howToGoOnHere(folder), this.env, process.cwd()),
    );
    return result;
  }

  async #show(home: DemoHome, signal: AbortSignal): Promise<{ worker: WorkerView; answer: InferResult }> {
    const { ensureQueen } = await import('../../queen/client/queen-daemon.ts');
    const { paths, env } = home;
    this.#headline('1. A queen, with the hive of this machine inside it');
    await this.narrated((narrate) => ensureQueen({ paths, env, narrate, signal }));
    this.#headline('2. A worker: llama.cpp with a tiny model, on the CPU');
    const spawn = { type: 'llamacpp', device: 'cpu', model: 'demo' };
    const worker = await this.narrated((narrate) => this.#job(home, 'worker_spawn', spawn, signal, narrate));
    this.#headline(`3. A question: rbee infer -m demo "${prompt}"`);
    const answer = await this.narrated((narrate) =>
      this.#job(home, 'infer', { model: 'demo', prompt }, signal, narrate),
    );
    this.#headline('4. What runs: rbee worker list');
    const { workers } = await connectQueen({ socketPath: paths.queenSocket }).get<{ workers: WorkerView[] }>(
      '/v1/workers',
    );
    this.print(workers, formatWorkers);
    return { worker, answer };
  }

  #job<Name extends OperationName>(
    home: DemoHome,
    operation: Name,
    input: OperationInput<Name>,
    signal: AbortSignal,
    narrate: Narrate,
  ): Promise<OperationResult<Name>> {
    const queen = connectQueen({ socketPath: home.paths.queenSocket });
    if (signal.aborted) throw RbeeError.of('CANCELLED', { what: 'the demo' });
    return queen.runOperation(operation, input, { signal, onEvent: narrating(narrate) });
  }

  /** Workers outlive the queen, so they are stopped first. */
  async #tearDown(home: DemoHome): Promise<void> {
    const { ensureQueen, stopQueen } = await import('../../queen/client/queen-daemon.ts');
    const { paths, env } = home;
    this.#headline('Cleaning up');
    try {
      await this.narrated(async (narrate) => {
        const answers = await socketAnswers(paths.queenSocket);
        // If the queen died, its workers are still running: a new queen finds them.
        if (!answers && hasRecords(paths.runs)) await ensureQueen({ paths, env });
        if (answers || hasRecords(paths.runs)) await this.#deleteWorkers(home, narrate);
        await stopQueen({ paths, env, narrate });
      });
    } catch (error) {
      this.err.line(`the demo could not be cleaned up; its files are in ${home.folder}`);
      throw error;
    }
    home.remove();
  }

  async #deleteWorkers({ paths }: DemoHome, narrate: Narrate): Promise<void> {
    const queen = connectQueen({ socketPath: paths.queenSocket });
    const { workers } = await queen.get<{ workers: WorkerView[] }>('/v1/workers');
    const options = { onEvent: narrating(narrate) };
    for (const { id } of workers) await queen.runOperation('worker_delete', { worker: id, now: true }, options);
  }

  #headline(text: string): void {
    this.err.show(text, (headline, terminal) => `\n${paint('bold', headline, terminal)}\n`);
  }
}

const narrating =
  (narrate: Narrate) =>
  (event: JobEvent): void => {
    if (!isOutcome(event)) narrate(event);
  };

const hasRecords = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;

const howToGoOn = `
That was all of it, and it is gone again. How to go on:

  rbee worker spawn --type llamacpp --model demo      start a worker that stays
  rbee worker spawn --type llamacpp --model ./x.gguf  the same with a model of yours
  rbee infer -m demo "Hello"                          ask it
  rbee status                                         what runs where
  rbee doctor                                         is everything as it should be?
`;

const howToGoOnHere = (folder: string): string => `
It goes on running, in a home of its own. To use it:

  export RBEE_HOME=${folder}
  rbee infer -m demo "Hello"
  rbee status

To remove it:

  RBEE_HOME=${folder} rbee worker delete --all --now
  RBEE_HOME=${folder} rbee queen stop
  rm -r ${folder}
`;
