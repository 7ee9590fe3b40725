/** The client of the agent on a machine: calls its methods, and checks their answers before any other code sees them. */

import { BadInput } from '../boundary/bad-input.ts';
import { LineSplitter } from '../boundary/lines.ts';
import { printedLines } from '../boundary/printed-lines.ts';
import { RateLimit } from '../boundary/rate-limit.ts';
import { parseJson } from '../boundary/read-bounded.ts';
import { RbeeError } from '../contract/errors.ts';
import { readAgentError, readHello, readResult } from './agent/answers.ts';
import type { AgentError, AgentHello, AgentMethod, AgentMethods, AgentRequest } from './agent/protocol.ts';
import { connectionLost } from './refusals.ts';
import { endRemotely, type RunningScript } from './script.ts';

interface Waiting {
  method: AgentMethod;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
}

/** No agent is installed; holds the output printed instead. */
export class AgentAbsent extends Error {
  readonly lines: readonly string[];
  constructor(lines: readonly string[]) {
    super('there is no agent');
    this.lines = lines;
  }
}

export class AgentClient {
  /** Alias of the machine, for messages. */
  readonly name: string;
  readonly #script: RunningScript;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: unknown;
  #alive: NodeJS.Timeout | undefined;
  #hello: AgentHello | undefined;

  private constructor(name: string, script: RunningScript) {
    this.name = name;
    this.#script = script;
  }

  /**
   * Waits for the greeting of an agent that was started. Errors: AgentAbsent if the script ended well without one,
   * SSH_CONNECTION_LOST, HOST_COMMAND_FAILED with its output, or if it prints nothing.
   */
  static async greet(name: string, script: RunningScript): Promise<AgentClient> {
    const client = new AgentClient(name, script);
    await client.#listen();
    client.#stayAlive();
    return client;
  }

  get hello(): AgentHello {
    return this.#hello!;
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Aborting cancels the call on the machine. Rejects with errors from the catalogue, or with AgentFailure. */
  call<Method extends AgentMethod>(
    method: Method,
    args: Parameters<AgentMethods[Method]>,
    signal?: AbortSignal,
  ): Promise<ReturnType<AgentMethods[Method]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      // The caller continues immediately. The agent gets a cancel message, and later answers are ignored.
      const onAbort = () => {
        this.#waiting.delete(id);
        clearTimeout(timer);
        if (method === 'lock') this.#giveBack(id);
        this.#send({ cancel: id });
        reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      const timer = this.#limit(id, method, args);
      this.#waiting.set(id, {
        method,
        resolve: (result) => {
          settled();
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          settled();
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#send({ id, method, args });
    });
  }

  /** Ends the agent, which releases all its locks. */
  close(): void {
    this.#end(connectionLost(this.name, new Error('it was closed')));
    // Remaining output is discarded, or the channel would never close.
    this.#script.channel.resume();
    this.#script.channel.end();
    this.#script.channel.close();
  }

  #send(request: AgentRequest): void {
    this.#script.channel.write(`${JSON.stringify(request)}\n`);
  }

  /** A machine that never answers must not keep a job waiting. No limit if the caller gave none. */
  #limit(id: number, method: AgentMethod, args: readonly unknown[]): NodeJS.Timeout | undefined {
    const ms = answerTimeoutMs(method, args);
    if (ms === null) return undefined;
    return setTimeout(() => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      this.#send({ cancel: id });
      const problem = `it did not answer within ${Math.round(ms / 1_000)} s`;
      waiting?.reject(
        RbeeError.of('HOST_COMMAND_FAILED', { hive: this.name, what: `the agent of rbee (${method})`, problem }),
      );
    }, ms).unref();
  }

  /** Releases a lock that was granted after its request was cancelled. */
  #giveBack(id: number): void {
    const resolve = (lock: number) => {
      this.#last += 1;
      this.#send({ id: this.#last, method: 'unlock', args: [lock] });
    };
    this.#waiting.set(id, { method: 'lock', resolve: resolve as (result: never) => void, reject: () => {} });
  }

  /** If the connection dies silently, neither side waits forever. */
  #stayAlive(): void {
    const say = () => this.#send({ within: maxSilenceMs });
    say();
    this.#alive = setInterval(say, aliveMs).unref();
  }

  #listen(): Promise<void> {
    const { channel, ended, stderr } = this.#script;
    const before: string[] = [];
    return new Promise((resolve, reject) => {
      const what = 'the agent of rbee';
      const end = (error: unknown) => {
        clearTimeout(timer);
        this.#end(error);
        reject(error);
      };
      const timer = setTimeout(() => {
        const problem = `it did not start within ${greetMs / 1_000} s`;
        end(RbeeError.of('HOST_COMMAND_FAILED', { hive: this.name, what, problem }, { lines: before.slice(-10) }));
        endRemotely(channel);
      }, greetMs);
      const splitter = new LineSplitter(maxLineBytes);
      const lineRate = new RateLimit({ perSecond: 2_000, burst: 50_000 });
      const hear = (line: string): void => {
        const said = parse(line);
        if (said === null) {
          if (!this.#hello && before.length < maxLinesBefore) before.push(line.slice(0, 1_000));
        } else if ('id' in said) this.#take(said);
        else if (this.#hello) throw new BadInput('its agent greeted twice');
        else {
          this.#hello = readHello(said);
          clearTimeout(timer);
          resolve();
        }
      };
      const listen = (chunk: Buffer): void => {
        try {
          const lines = splitter.push(chunk);
          if (!lineRate.take(lines.length)) throw new BadInput('its agent sends too many lines a second');
          lines.forEach(hear);
        } catch (error) {
          channel.off('data', listen).resume();
          end(error instanceof BadInput ? this.#faulty(error) : error);
          endRemotely(channel);
        }
      };
      channel.on('data', listen).resume();
      ended.then(({ code, signal }) => {
        if (code === 0 && !this.#hello) return end(new AgentAbsent(before));
        const how = signal ? `it was ended by ${signal}` : `it ended with exit code ${code ?? 'unknown'}`;
        const problem = printedLines(stderr()).at(-1) ?? how;
        end(
          RbeeError.of(
            'HOST_COMMAND_FAILED',
            { hive: this.name, what, problem },
            { lines: printedLines(stderr()).slice(-10) },
          ),
        );
      }, end);
    });
  }

  /** Throws BadInput. An unexpected answer can belong to a cancelled call. */
  #take({ id, result, error }: Answer): void {
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (!waiting || typeof id !== 'number') return;
    const outcome =
      error === undefined ? { result: readResult(waiting.method, result) } : { error: readAgentError(error) };
    this.#waiting.delete(id);
    if (outcome.error) waiting.reject(asError(outcome.error));
    else waiting.resolve(outcome.result as never);
  }

  #faulty(cause: BadInput): RbeeError {
    return RbeeError.of('HIVE_PROTOCOL_ERROR', { hive: this.name, problem: cause.message }, { cause });
  }

  #end(error: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    clearInterval(this.#alive);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }
}

const greetMs = 60_000;
const aliveMs = 10_000;
const maxSilenceMs = 45_000;

/** The longest answers are the text of a file, or the output of a program. */
const maxLineBytes = 16 * 2 ** 20;
/** Maximum lines that a login shell or a library may print before the greeting. */
const maxLinesBefore = 200;

/** Operations on whole files and folders can take long. */
const slow = new Set<AgentMethod>(['sha256', 'unpack', 'removeTree']);

/** Milliseconds; null if the caller decides. */
const answerTimeoutMs = (method: AgentMethod, args: readonly unknown[]): number | null => {
  const { timeoutMs } = (args.at(-1) ?? {}) as { timeoutMs?: unknown };
  const own = typeof timeoutMs === 'number' ? timeoutMs : null;
  if (method === 'run' || method === 'lock' || method === 'request') return own === null ? null : own + 60_000;
  return slow.has(method) ? 1_800_000 : 120_000;
};

/** Maximum characters of a line that a library or a login shell may print. */
const maxNoise = 65_536;

/** A line of the agent, unchecked. */
type Answer = { id: unknown; result?: unknown; error?: unknown };

/** Null for lines that are not from the agent: a library may print too. */
const parse = (line: string): { hello: unknown } | Answer | null => {
  try {
    const value = parseJson(line);
    if (typeof value !== 'object' || value === null) return null;
    if ('id' in value) return value as Answer;
    return 'hello' in value ? (value as { hello: unknown }) : null;
  } catch (error) {
    if (line.length > maxNoise) throw error;
    return null;
  }
};

/** A method failed on the machine with a system error. */
export class AgentFailure extends Error {
  /** Such as ENOENT, if the system gave one. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

const asError = ({ message, code, body }: AgentError): Error =>
  body ? RbeeError.from(body) : new AgentFailure(message, code);
