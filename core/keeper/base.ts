/** What every command shares: JSON, errors with exit codes, the terminal, and the way to the queen. */

import * as Args from '@oclif/core/args';
import { Command } from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import { type Paths, pathsFrom } from '../config/paths.ts';
import { RbeeError } from '../contract/errors.ts';
import type { Narrate } from '../contract/narration.ts';
import type { OperationInput, OperationName } from '../contract/operations.ts';
import { didYouMean } from '../narration/near.ts';
import { type PeoplePrinter, printForPeople } from '../narration/people.ts';
import { Screen } from '../narration/screen.ts';
import type { Terminal } from '../narration/text.ts';
import type { QueenClient } from '../queen/client/index.ts';
import type { OperationResult } from '../queen/client/results.ts';
import { Conversation, type Question } from './conversation.ts';
import { catchInterrupts } from './interrupts.ts';
import { asReportable, errorJson, exitCodeOf, exitCodes, formatError } from './report.ts';
import { standardError, standardOutput } from './screens.ts';

/** A positional argument; oclif would otherwise wait for a missing one on stdin. */
export const argument = (description: string) => Args.string({ description, required: true, ignoreStdin: true });

/** Any number of positional arguments. */
export const argumentsOf = (description: string) =>
  Args.string({ description, multiple: true, required: false, ignoreStdin: true });

export abstract class RbeeCommand extends Command {
  static override enableJsonFlag = true;

  /** Read once, here at the edge. */
  protected readonly env: NodeJS.ProcessEnv = process.env;
  /** Set once Ctrl-C was pressed. */
  protected interrupted = false;
  #paths: Paths | undefined;
  #out: Screen | undefined;
  #err: Screen | undefined;

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

  /** Where answers for people go when programs read. */
  protected get silence(): Screen {
    return new Screen({ write: () => true }, { ...this.out.terminal, live: false });
  }

  /** Prints a result for people, as `format` puts it; with `--json` the value that `run` returns is printed instead. */
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

  /** Says beside the result what went wrong with a part of it. */
  protected complain(error: RbeeError): void {
    if (!this.jsonEnabled()) this.err.show(error.toJSON(), formatError);
  }

  /** A printer for narration; whoever makes it closes it. */
  protected printer(): PeoplePrinter {
    return printForPeople({ narration: this.err, answer: this.jsonEnabled() ? this.silence : this.out });
  }

  /** Runs something that narrates, with a printer of its own. */
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

/** Finds the answer to a question of a job; undefined leaves it open. */
type Asked = (question: Question, show: () => void, signal: AbortSignal) => Promise<string | undefined>;

/** Where nobody sits at the terminal: the job goes on without what was asked for, and says so. */
const refuse: Asked = async ({ choices, secret }, show) => {
  // A question that nobody can answer is not put: the refusal that follows names the flag that answers it.
  if (secret) return '';
  if (choices?.includes('no')) return 'no';
  show();
  return undefined;
};

/** What is to be done when the queen ended in the middle of a job. */
const afterItsEnd = (operation: OperationName, job: string): string =>
  /^package_(sync|install|uninstall)$/.test(operation)
    ? 'nothing that was done is lost: run the same command again, and it goes on from there; why she ended: rbee queen logs'
    : `run the command again; what became of it: rbee job get ${job}; why she ended: rbee queen logs`;

/** A command that asks the queen, and starts her when none runs. */
export abstract class QueenCommand extends RbeeCommand {
  static override baseFlags = {
    'no-start': Flags.boolean({ description: 'Fail rather than start a queen when none runs', helpGroup: 'GLOBAL' }),
  };

  protected async queen(flags: { 'no-start'?: boolean }): Promise<QueenClient> {
    const { connectQueen, socketAnswers } = await import('./queen-access.ts');
    if (!flags['no-start'] && !(await socketAnswers(this.paths.queenSocket))) await this.startQueen();
    return connectQueen({ socketPath: this.paths.queenSocket });
  }

  /** Says what is done while a queen starts. */
  protected async startQueen(): Promise<void> {
    const { ensureQueen } = await import('../queen/client/queen-daemon.ts');
    await this.narrated((narrate) => ensureQueen({ paths: this.paths, env: this.env, narrate }));
  }

  /**
   * Runs an operation as a job to its end. The first Ctrl-C cancels the job; a lost terminal does not: the job is the
   * queen's, and only a SIGINT asks her to cancel it.
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
          if (error.code === 'QUEEN_NOT_RUNNING' && job !== '') {
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

  /** Picks up a job that runs already, and treats it as one of its own. */
  protected resumeJob(queen: QueenClient, job: string): Promise<unknown> {
    return this.cancellable((signal, narrate) => {
      // Somebody else may be there to answer.
      const conversation = this.#converse(queen, () => job, narrate, undefined);
      return queen.followJob(job, { signal, onEvent: (event) => conversation.event(event) });
    });
  }

  /** What is absent or false is left out of a request. */
  protected only<Input extends Record<string, unknown>>(input: Input): Input {
    return Object.fromEntries(
      Object.entries(input).filter(([, value]) => value !== undefined && value !== false),
    ) as Input;
  }

  /** Events go to the printer, questions to whoever sits at the terminal, or to `otherwise`. */
  #converse(queen: QueenClient, job: () => string, narrate: Narrate, otherwise: Asked | undefined): Conversation {
    const asked: Asked = async (...question) => (await import('./ask.ts')).ask(...question);
    const reply = process.stdin.isTTY ? asked : otherwise;
    return new Conversation({
      narrate,
      ...(reply && {
        reply: async (question, show, signal) => {
          let answer = await reply(question, show, signal);
          // A slip of the finger is asked about again, and a letter is enough.
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
        narrate({ kind: 'info', text: 'cancelling; press Ctrl-C again to leave at once' });
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

  /** Starts an operation and leaves it running; what is printed tells how to follow it. */
  protected async detachJob<Name extends OperationName>(
    queen: QueenClient,
    operation: Name,
    input: OperationInput<Name>,
  ): Promise<{ job_id: string }> {
    const id = await queen.startJob(operation, input);
    this.printLine(id);
    this.err.line(`it goes on in the background; follow it with: rbee job attach ${id}`);
    return { job_id: id };
  }
}
