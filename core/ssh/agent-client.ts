/** Talks to the agent of a machine: calls its methods and gives what they answer. */
import { RbeeError } from '../contract/errors.ts';
import { LineSplitter } from '../lifecycle/lines.ts';
import type { AgentAnswer, AgentError, AgentHello, AgentMethod, AgentMethods, AgentRequest } from './agent/protocol.ts';
import { connectionLost } from './refusals.ts';
import { endRemotely, type RunningScript } from './script.ts';

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
}

/** There is no agent: what was said instead. */
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
   * A script that becomes the agent has been started. Errors: AgentAbsent when it ended well without one,
   * SSH_CONNECTION_LOST, HOST_COMMAND_FAILED with what it said, or when it says nothing.
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

  /** Aborting cancels it on the machine. Rejects with errors of the catalogue or, with their codes, of the system. */
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
      // The caller goes on at once; the machine is told, and whatever it still answers is not heard.
      const onAbort = () => {
        this.#waiting.delete(id);
        if (method === 'lock') this.#giveBack(id);
        this.#send({ cancel: id });
        reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, {
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      this.#send({ id, method, args });
    });
  }

  /** Ends the agent, and gives back every lock that it holds. */
  close(): void {
    this.#end(connectionLost(this.name, new Error('it was closed')));
    // Whatever it still says is let go, or the channel would never close.
    this.#script.channel.resume();
    this.#script.channel.end();
    this.#script.channel.close();
  }

  #send(request: AgentRequest): void {
    this.#script.channel.write(`${JSON.stringify(request)}\n`);
  }

  /** A lock that was granted as its request was cancelled is nobody's. */
  #giveBack(id: number): void {
    const resolve = (lock: number) => {
      this.#last += 1;
      this.#send({ id: this.#last, method: 'unlock', args: [lock] });
    };
    this.#waiting.set(id, { resolve: resolve as (result: never) => void, reject: () => {} });
  }

  /** When the line is cut in silence, neither side waits for the other for ever. */
  #stayAlive(): void {
    const say = () => this.#send({ within: mostSilenceMs });
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
        const problem = `it said nothing within ${greetMs / 1_000} s`;
        end(RbeeError.of('HOST_COMMAND_FAILED', { hive: this.name, what, problem }, { lines: before.slice(-10) }));
        endRemotely(channel);
      }, greetMs);
      const splitter = new LineSplitter();
      const hear = (line: string): void => {
        const said = parse(line);
        if (said === null) {
          if (!this.#hello && before.length < mostLines) before.push(line);
        } else if ('hello' in said) {
          clearTimeout(timer);
          this.#hello = said;
          resolve();
        } else this.#take(said);
      };
      const listen = (chunk: Buffer): void => {
        try {
          splitter.push(chunk).forEach(hear);
        } catch (error) {
          channel.off('data', listen).resume();
          const problem = (error as Error).message;
          end(RbeeError.of('HOST_COMMAND_FAILED', { hive: this.name, what, problem }));
          endRemotely(channel);
        }
      };
      channel.on('data', listen).resume();
      ended.then(({ code, signal }) => {
        if (code === 0 && !this.#hello) return end(new AgentAbsent(before));
        const how = signal ? `it was ended by ${signal}` : `it ended with exit code ${code ?? 'unknown'}`;
        const problem = stderr().split('\n').at(-1) || how;
        end(
          RbeeError.of(
            'HOST_COMMAND_FAILED',
            { hive: this.name, what, problem },
            { lines: stderr().split('\n').slice(-10) },
          ),
        );
      }, end);
    });
  }

  #take(answer: AgentAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting.reject(asError(answer.error));
    else waiting.resolve(answer.result as never);
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
const mostSilenceMs = 45_000;

/** Nothing that is of use is longer. */
const mostLines = 200;

/** Null for what is no line of the agent's: a library below it may print. */
const parse = (line: string): AgentHello | AgentAnswer | null => {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null && ('hello' in value || 'id' in value)
      ? (value as AgentHello | AgentAnswer)
      : null;
  } catch {
    return null;
  }
};

const asError = ({ message, code, body }: AgentError): Error => {
  if (body) return RbeeError.from(body);
  return Object.assign(new Error(message), code === undefined ? {} : { code });
};
