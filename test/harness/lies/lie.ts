/**
 * What a lie is: how a hive or an agent misbehaves, and what has to come of it. The programs that lie run on a machine
 * that has nothing of this repository, so these files import nothing but types.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

// biome-ignore lint/suspicious/noExplicitAny: a lie has any shape.
export type Anything = any;

/** What a lie may need to know. */
export interface About {
  /** The hive that lies; its socket is its own, its machine is shared with the other liars. */
  alias: string;
  /** Id and served name of the one worker that it truly has, and the port of its engine. */
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
  /** Ports on the lying machine that must never be dialled: outside the pool of worker ports, one of them the queen's own. */
  baits: readonly number[];
  /** A port inside the pool on which the lying machine answers as an engine, and keeps what it is sent. */
  trap: number;
  /** What it would say of itself if it did not lie. */
  truth: Anything;
}

/**
 * How the hive is shown while it lies. `away`: faulty or unreachable, as the way in which it breaks off may be either.
 * `either`: any status, as long as other machines are not affected.
 */
export type Shown = 'online' | 'faulty' | 'away' | 'either';

/** How something that is asked of a lying machine ends. `stopped`: within seconds of being cancelled, if not before. */
export type Ends = 'result' | 'error' | 'either' | 'stopped';

/** What the test asks while the lie is told. */
export type Act =
  | {
      run: string;
      input: Record<string, unknown>;
      ends: Ends /** Kinds of events that the job may not show. */;
      never?: readonly string[];
    }
  /** A read of the queen's API; a stream is read for a while and left. */
  | { get: string; ends: Ends }
  | { cli: readonly string[] }
  | { chat: string };

/** One request that a lying hive answers. */
export interface Reply {
  request: IncomingMessage;
  response: ServerResponse;
  body: string;
  about: About;
  /** Answers as the true hive does. */
  truly(): void;
  json(value: unknown, status?: number): void;
  /** Lines of JSON, and the end. */
  lines(...values: unknown[]): void;
  /** Writes what is no HTTP, or bad HTTP, on the bare connection. */
  raw(text: string | Buffer): void;
  /** Writes piece after piece for as long as it is taken, up to 512 MiB; then nothing more, and no end. */
  pour(piece: (nth: number) => string | Buffer, options?: { everyMs?: number }): void;
  /** Breaks the connection. */
  cut(): void;
}

export interface HiveLie {
  name: string;
  shown: Shown;
  /** What the reason has to name. */
  reason?: RegExp;
  /** Changes what the hive tells of itself, or gives something to be told instead. */
  state?(state: Anything, about: About): unknown;
  /** Replaces the stream of heartbeats; `state` is the truth. */
  beats?(reply: Reply, state: Anything): void;
  /** Replaces answers, by method and path without query, such as `POST /v1/workers/:id/stop`. */
  answers?: Readonly<Record<string, (reply: Reply) => void>>;
  acts?(about: About): readonly Act[];
  /** Takes much of memory or CPU, if anything goes wrong: told alone. */
  heavy?: true;
  /** Its hive is of no more use afterwards: the queen may have found the real one of the machine. */
  once?: true;
  /** Told at full scale only: others are of its kind. */
  more?: true;
  /** Seconds within which it has to be shown as it should. */
  within?: number;
}

export const sameLine = (state: unknown): string => JSON.stringify({ kind: 'state', revision: 1, state });

/** Of everything that has no place on a terminal: OSC 52, CSI, C1, NUL, CR LF, bidi. */
export const nasty = '\u001b]52;c;aGk=\u0007\u001b[2J\u009b31m\u0000\r\nX\u202eevil\u2066';
