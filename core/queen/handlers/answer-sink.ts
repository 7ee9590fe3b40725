/** Collects a streamed answer: emits pieces of text as they arrive, and gives the result at the end. */
import { StringDecoder } from 'node:string_decoder';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { InferResult } from '../../contract/api/operations.ts';
import { isErrorBody, RbeeError } from '../../contract/errors.ts';
import type { ResponseHeaders, WorkerSink } from '../../gateway/gateway.ts';

interface Chunk {
  choices?: {
    delta?: { content?: string | null };
    text?: string | null;
    message?: { content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: InferResult['usage'];
  error?: unknown;
}

/** Maximum characters of an answer, or of one line of it. A faulty worker may never stop sending. */
const maxAnswer = 8 * 2 ** 20;

export class AnswerSink implements WorkerSink {
  readonly #tell: (text: string) => void;
  readonly #stop: () => void;
  readonly #sent = performance.now();
  readonly #decoder = new StringDecoder('utf8');
  #worker = '';
  #status = 0;
  #streams = false;
  #rest = '';
  #text = '';
  /** Text that was not emitted yet: all that arrives in one turn of the event loop is one event. */
  #pending = '';
  #telling: NodeJS.Immediate | undefined;
  #finishReason: string | null = null;
  #usage: InferResult['usage'] = null;
  #firstAt: number | undefined;
  #lastAt: number | undefined;
  #pieces = 0;
  #error: RbeeError | undefined;

  /** `stop` is called once if the answer is too long. */
  constructor(tell: (text: string) => void, stop: () => void) {
    this.#tell = tell;
    this.#stop = stop;
  }

  from(worker: HiveWorker): void {
    this.#worker = worker.id;
  }

  begin(status: number, headers: ResponseHeaders): void {
    this.#status = status;
    this.#streams = String(headers['content-type'] ?? '').startsWith('text/event-stream');
  }

  write(bytes: Buffer): boolean {
    if (this.#rest.length + this.#text.length + bytes.length > maxAnswer) {
      this.#error ??= this.#broken('its answer is longer than 8 MiB');
      this.#rest = '';
      this.#stop();
      return false;
    }
    this.#rest += this.#decoder.write(bytes);
    if (!this.#streams) return true;
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
    return true;
  }

  onDrain(): void {}

  end(): void {
    if (this.#streams) this.#read(this.#rest);
    else this.#readWhole();
    this.#flush();
  }

  breakOff(error: RbeeError): void {
    this.#flush();
    this.#error ??= error;
  }

  /** The result, once the answer has ended. Throws the worker's error, or WORKER_CONNECTION_LOST. */
  result(model: string): InferResult {
    if (this.#error) throw this.#error;
    const [first, last] = [this.#firstAt, this.#lastAt];
    const generated = this.#usage?.completion_tokens ?? this.#pieces;
    const seconds = first === undefined || last === undefined ? 0 : (last - first) / 1_000;
    return {
      model,
      worker: this.#worker,
      text: this.#text,
      finishReason: this.#finishReason,
      usage: this.#usage,
      firstTokenMs: first === undefined ? null : round(first - this.#sent),
      totalMs: round(performance.now() - this.#sent),
      tokensPerSecond: seconds > 0 && generated > 1 ? round((generated - 1) / seconds) : null,
    };
  }

  #read(line: string): void {
    if (!line.startsWith('data:')) return;
    const data = line.slice('data:'.length).trim();
    if (data === '' || data.startsWith('[DONE]')) return;
    try {
      this.#take(JSON.parse(data) as Chunk);
    } catch (error) {
      this.#error ??= this.#broken(`it sent an event that is not JSON (${(error as Error).message})`);
    }
  }

  #readWhole(): void {
    let body: unknown;
    try {
      body = JSON.parse(this.#rest);
    } catch {
      body = undefined;
    }
    const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
    if (this.#status >= 400 || error !== undefined) {
      this.#error ??= this.#refusal(error);
    } else if (typeof body === 'object' && body !== null) {
      this.#take(body as Chunk);
    } else {
      this.#error ??= this.#broken('its answer is not JSON');
    }
  }

  #take({ choices, usage, error }: Chunk): void {
    if (error !== undefined) this.#error ??= this.#refusal(error);
    const choice = choices?.[0];
    const text = choice?.delta?.content ?? choice?.message?.content ?? choice?.text ?? '';
    if (choice?.finish_reason) this.#finishReason = choice.finish_reason;
    if (usage) this.#usage = usage;
    if (text === '') return;
    this.#lastAt = performance.now();
    this.#firstAt ??= this.#lastAt;
    this.#pieces += 1;
    this.#text += text;
    this.#pending += text;
    this.#telling ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#telling);
    this.#telling = undefined;
    const text = this.#pending;
    this.#pending = '';
    if (text !== '') this.#tell(text);
  }

  #refusal(error: unknown): RbeeError {
    if (isErrorBody(error)) return RbeeError.from(error);
    const problem = messageOf(error) ?? `it answered with status ${this.#status}`;
    if (this.#status >= 400 && this.#status < 500) {
      return RbeeError.of('INVALID_INPUT', {
        what: 'the request',
        problem,
        hint: 'correct the request, and send it again',
      });
    }
    return RbeeError.of('WORKER_FAILED', {
      worker: this.#worker,
      problem,
      hint: `see: rbee worker logs ${this.#worker}`,
    });
  }

  #broken(problem: string): RbeeError {
    return RbeeError.of('WORKER_CONNECTION_LOST', { worker: this.#worker, problem });
  }
}

const messageOf = (error: unknown): string | undefined => {
  if (typeof error === 'string') return error;
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  return typeof message === 'string' ? message : undefined;
};

const round = (value: number): number => Math.round(value * 10) / 10;
