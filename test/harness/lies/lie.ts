/**
 * What a lie is: how a hive or an agent misbehaves, and what must come of it. The lying programs run on a machine that
 * has nothing from this repository, so these files import nothing but types.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

// biome-ignore lint/suspicious/noExplicitAny: a lie may have any shape.
export type Anything = any;

/** What a lie may need to know. */
export interface About {
  /** The hive that lies; it has its own socket and shares its machine with the other liars. */
  alias: string;
  /** Id and served name of the one worker that it really has, and the port of its engine. */
  worker: string;
  model: string;
  port: number;
  /** A worker of the honest machine. */
  good: { id: string; name: string; machineId: string };
  /** A file on the queen's machine that must never change, and its content. */
  canary: string;
  secret: string;
  /** A port on the queen's machine that must never be dialled. */
  listener: number;
  /** Ports of the lying machine, outside the worker ports, that must never be dialled; one is the queen's own port. */
  baits: readonly number[];
  /** A port inside the pool on which the lying machine poses as an engine and records what it receives. */
  trap: number;
  /** The state it would report without a lie. */
  truth: Anything;
}

/**
 * How the hive is shown while it lies. `away`: faulty or unreachable, since a broken connection may be shown as either.
 * `either`: any status, as long as other machines are not affected.
 */
export type Shown = 'online' | 'faulty' | 'away' | 'either';

/** How a request to a lying machine ends. `stopped`: within seconds of being cancelled, if not before. */
export type Ends = 'result' | 'error' | 'either' | 'stopped';

/** What the test asks while the lie is told. */
export type Act =
  | {
      run: string;
      input: Record<string, unknown>;
      ends: Ends;
      /** Kinds of events that the job may not show. */
      never?: readonly string[];
    }
  /** A read of the queen's API; a stream is read for a while and then left. */
  | { get: string; ends: Ends }
  | { cli: readonly string[] }
  | { chat: string };

/** One request that a lying hive answers. */
export interface Reply {
  request: IncomingMessage;
  response: ServerResponse;
  body: string;
  about: About;
  /** Answers as the real hive does. */
  truly(): void;
  json(value: unknown, status?: number): void;
  /** Sends lines of JSON and ends the answer. */
  lines(...values: unknown[]): void;
  /** Writes something other than valid HTTP on the bare connection. */
  raw(text: string | Buffer): void;
  /** Writes piece after piece while they are accepted, up to 512 MiB; then nothing more, without an end. */
  pour(piece: (nth: number) => string | Buffer, options?: { everyMs?: number }): void;
  /** Breaks the connection. */
  cut(): void;
}

export interface HiveLie {
  name: string;
  shown: Shown;
  /** What the reason must name. */
  reason?: RegExp;
  /** Changes the state that the hive reports, or returns something else to report. */
  state?(state: Anything, about: About): unknown;
  /** Replaces the heartbeat stream; `state` is the truth. */
  beats?(reply: Reply, state: Anything): void;
  /** Replaces answers, by method and path without query, such as `POST /v1/workers/:id/stop`. */
  answers?: Readonly<Record<string, (reply: Reply) => void>>;
  acts?(about: About): readonly Act[];
  /** May take much memory or CPU if anything goes wrong: told alone. */
  heavy?: true;
  /** Its hive is useless afterwards: the queen may have found the real hive of the machine. */
  once?: true;
  /** Told at full scale only: other lies are of the same kind. */
  more?: true;
  /** Seconds within which it must be shown as expected. */
  within?: number;
}

export const sameLine = (state: unknown): string => JSON.stringify({ kind: 'state', revision: 1, state });

/** Everything that has no place on a terminal: OSC 52, CSI, C1, NUL, CR LF, bidi. */
export const nasty = '\u001b]52;c;aGk=\u0007\u001b[2J\u009b31m\u0000\r\nX\u202eevil\u2066';
