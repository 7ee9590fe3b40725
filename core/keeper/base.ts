/** The base of every command: JSON output, errors with exit codes, the terminal, and access to the queen. */

import * as Args from '@oclif/core/args';
import { Command } from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import { type Paths, pathsFrom } from '../config/paths.ts';
import type { Narrate } from '../contract/api/narration.ts';
import type { OperationInput, OperationName } from '../contract/api/operations.ts';
import { RbeeError } from '../contract/errors.ts';
import { didYouMean } from '../narration/near.ts';
import { type PeoplePrinter, printForPeople } from '../narration/people.ts';
import { Screen } from '../narration/screen.ts';
import type { Terminal } from '../narration/text.ts';
import type { QueenClient } from '../queen/client/index.ts';
import type { OperationResult } from '../queen/client/results.ts';
import { Conversation, type Question } from './terminal/conversation.ts';
import { catchInterrupts } from './terminal/interrupts.ts';
import { asReportable, errorJson, exitCodeOf, exitCodes, formatError } from './terminal/report.ts';
import { standardError, standardOutput } from './terminal/screens.ts';

/** A positional argument. Without this, oclif would read a missing one from stdin. */
export const argument = (description: string) => Args.string({ description, required: true, ignoreStdin: true });

/** Any number of positional arguments. */
export const argumentsOf = (description: string) =>
  Args.string({ description, multiple: true, required: false, ignoreStdin: true });

export abstract class RbeeCommand extends Command {
  static override enableJsonFlag = true;
  /** It acts on this machine, so it is refused while RBEE_QUEEN names a queen elsewhere. */
  static isLocal = false;

  /** The environment, read once, here at the edge. */
  protected readonly env: NodeJS.ProcessEnv = process.env;
  /** True after Ctrl-C was pressed. */
  protected interrupted = false;
  #paths: Paths | undefined;
  #out: Screen | undefined;
  #err: Screen | undefined;

  /** Where relative paths of the command line begin; undefined for a queen elsewhere. */
  protected get folder(): string | undefined {
    return this.env['RBEE_QUEEN'] ? undefined : process.cwd();
  }

  override async init(): Promise<void> {
    await super.init();
    const url = this.env['RBEE_QUEEN'];
    if (!url || !(this.ctor as typeof RbeeCommand).isLocal) return;
    const command = `rbee ${(this.id ?? '').replaceAll(':', ' ')}`;
    throw RbeeError.of('QUEEN_ELSEWHERE', { command, url: url.slice(0, 200) });
  }

  protected get paths(): Paths {
    this.#paths ??= pathsFrom(this.env);
    return this.#paths;
  }

  /** Results go here. */
  protected get out(): Screen {
    this.#out ??= standardOutput(this.env);
    return this.#out;
  }

  /** Narration and errors go here. */
  protected get err(): Screen {
    this.#err ??= standardError(this.env);
    return this.#err;
  }

  /** Where text for people goes when stdout is read by a program. */
  protected get silence(): Screen {
    return new Screen({ write: () => true }, { ...this.out.terminal, live: false });
  }

  /** Prints a result for people, formatted by `format`. With `--json`, the return value of `run` is printed instead. */
  protected print<Data>(data: Data, format: (data: Data, terminal: Terminal) => string): void {
    if (!this.jsonEnabled()) this.out.show(data, format);
  }

  /** The same for a result of one line. */
  protected printLine(text: string): void {
    if (!this.jsonEnabled()) this.out.line(text);
  }

  /** The same for a text of several lines. */
  protected printText(text: string): void {
    if (!this.jsonEnabled()) this.out.text(text);
  }

  /** Prints an error about a part of the result, next to the result. */
  protected complain(error: RbeeError): void {
    if (!this.jsonEnabled()) this.err.show(error.toJSON(), formatError);
  }

  /** A printer for narration. The caller closes it. */
  protected printer(): PeoplePrinter {
    return printForPeople({ narration: this.err, answer: this.jsonEnabled() ? this.silence : this.out });
  }

  /** Runs a function that narrates, with its own printer. */
  protected async narrated<Result>(work: (narrate: Narrate) => Promise<Result>): Promise<Result> {
    const printer = this.printer();
    try {
      const result = await work((event) => printer.event(event));
      printer.close();
      return result;
    } catch (error) {
      printer.close('failed');
      throw error;
    }
  }

  override logJson(value: unknown): void {
    this.out.json(value, 2);
  }

  override async catch(thrown: unknown): Promise<void> {
    const error = this.reportable(thrown);
    process.exitCode = this.interrupted ? exitCodes.interrupted : exitCodeOf(error);
    if (this.jsonEnabled()) this.logJson(errorJson(error));
    else this.err.show(error.toJSON(), formatError);
  }

  protected reportable(thrown: unknown): RbeeError {
    if (this.interrupted && thrown instanceof DOMException) return RbeeError.of('CANCELLED', { what: 'the command' });
    const words = (this.id ?? '').replaceAll(':', ' ');
    const flags = Object.keys({ ...this.ctor.baseFlags, ...this.ctor.flags, json: true, help: true });
    const near = (flag: string) => didYouMean(flag.replace(/^-+/, ''), flags).replace(/(mean | or )/g, '$1--');
    return asReportable(thrown, `rbee ${words} --help`, near);
  }
}

/** Answers a question of a job; undefined leaves it unanswered. */
type Asked = (question: Question, show: () => void, signal: AbortSignal) => Promise<string | undefined>;

/** The answer if there is no person to ask: no, if that is a choice; otherwise none. */
const refuse: Asked = async ({ choices, secret }, show) => {
  // The question is not shown, since the error that follows names the flag that answers it.
  if (secret) return '';
  if (choices?.includes('no')) return 'no';
  show();
  return undefined;
};

/** What to do if the queen stopped during a job. */
const afterItsEnd = (operation: OperationName, job: string): string => {
  const why = 'to see why the queen stopped, on its machine: rbee queen logs';
  if (/^package_(sync|install|uninstall)$/.test(operation))
    return `nothing is lost: run the same command again to continue; ${why}`;
  // A worker is a process of its own: a second spawn would start another one.
  const again =
    operation === 'worker_spawn'
      ? 'the worker may be running: look at rbee worker list before you run the command again'
      : 'run the command again';
  return `${again}; to see how the job ended: rbee job get ${job}; ${why}`;
};

/** A command that talks to the queen, and starts it if it is not running. */
export abstract class QueenCommand extends RbeeCommand {
  static override baseFlags = {
    'no-start': Flags.boolean({
      description: 'Fail if the queen is not running, instead of starting it',
      helpGroup: 'GLOBAL',
    }),
  };

  protected async queen(flags: { 'no-start'?: boolean }): Promise<QueenClient> {
    const { connectQueen, socketAnswers } = await import('./queen-access.ts');
    if (this.env['RBEE_QUEEN']) {
      const { queenAddress } = await import('./queen-address.ts');
      return connectQueen(await queenAddress(this.env, this.paths));
    }
    if (!flags['no-start'] && !(await socketAnswers(this.paths.queenSocket))) await this.startQueen();
    return connectQueen({ socketPath: this.paths.queenSocket });
  }

  /** Narrates the start of the queen. */
  protected async startQueen(): Promise<void> {
    const { ensureQueen } = await import('../queen/client/queen-daemon.ts');
    await this.narrated((narrate) => ensureQueen({ paths: this.paths, env: this.env, narrate }));
  }

  /**
   * Runs an operation as a job and waits for its end. The first Ctrl-C cancels the job. A lost terminal does not: the job
   * belongs to the queen, and only SIGINT cancels it.
   */
  protected runJob<Name extends OperationName>(
    queen: QueenClient,
    operation: Name,
    input: OperationInput<Name>,
  ): Promise<OperationResult<Name>> {
    return this.cancellable((signal, narrate) => {
      let job = '';
      const onStarted = (id: string) => {
        job = id;
      };
      const conversation = this.#converse(queen, () => job, narrate, refuse);
      return queen
        .runOperation(operation, input, { signal, onStarted, onEvent: (event) => conversation.event(event) })
        .catch(async (error) => {
          if (!(error instanceof RbeeError)) throw error;
          const { askedFor } = await import('./views/jobs.ts');
          if ((error.code === 'QUEEN_NOT_RUNNING' || error.code === 'QUEEN_UNREACHABLE') && job !== '') {
            throw RbeeError.of('QUEEN_STOPPED', {
              what: askedFor(operation, input),
              hint: afterItsEnd(operation, job),
            });
          }
          if (error.code !== 'CANCELLED') throw error;
          throw RbeeError.of('CANCELLED', { what: askedFor(operation, input) }, { cause: error });
        });
    });
  }

  /** Attaches to a running job, as if this command had started it. */
  protected resumeJob(queen: QueenClient, job: string): Promise<unknown> {
    return this.cancellable((signal, narrate) => {
      // Another client may be able to answer.
      const conversation = this.#converse(queen, () => job, narrate, undefined);
      return queen.followJob(job, { signal, onEvent: (event) => conversation.event(event) });
    });
  }

  /** Drops absent and false fields from a request. */
  protected only<Input extends Record<string, unknown>>(input: Input): Input {
    return Object.fromEntries(
      Object.entries(input).filter(([, value]) => value !== undefined && value !== false),
    ) as Input;
  }

  /** Sends events to the printer, and questions to the person at the terminal, or to `otherwise` if there is none. */
  #converse(queen: QueenClient, job: () => string, narrate: Narrate, otherwise: Asked | undefined): Conversation {
    const asked: Asked = async (...question) => (await import('./terminal/ask.ts')).ask(...question);
    const reply = process.stdin.isTTY ? asked : otherwise;
    return new Conversation({
      narrate,
      ...(reply && {
        reply: async (question, show, signal) => {
          let answer = await reply(question, show, signal);
          // Asks again after a typo; the first letter is enough.
          const choices = question.choices ?? [];
          const meant = (given: string) =>
            choices.find((one) => one === given) ??
            choices.find((one) => given !== '' && one.startsWith(given.toLowerCase()));
          while (answer !== undefined && choices.length > 0 && meant(answer) === undefined && !signal.aborted) {
            answer = await reply(question, show, signal);
          }
          if (answer !== undefined && choices.length > 0) answer = meant(answer);
          if (answer !== undefined) await queen.answerJob(job(), question.id, answer);
        },
      }),
    });
  }

  /** Runs `work` with narration; Ctrl-C aborts its signal. */
  protected cancellable<Result>(work: (signal: AbortSignal, narrate: Narrate) => Promise<Result>): Promise<Result> {
    return this.narrated(async (narrate) => {
      const interrupts = catchInterrupts(() => {
        this.interrupted = true;
        narrate({ kind: 'info', text: 'cancelling; press Ctrl-C again to quit now' });
      });
      try {
        const result = await work(interrupts.signal, narrate);
        if (this.interrupted) process.exitCode = exitCodes.interrupted;
        return result;
      } finally {
        interrupts.stop();
      }
    });
  }

  /** Starts an operation without waiting for it, and prints how to follow it. */
  protected async detachJob<Name extends OperationName>(
    queen: QueenClient,
    operation: Name,
    input: OperationInput<Name>,
  ): Promise<{ job_id: string }> {
    const id = await queen.startJob(operation, input);
    this.printLine(id);
    this.err.line(`running in the background; follow it with: rbee job attach ${id}`);
    return { job_id: id };
  }
}
