/**
 * Answers with narration: NDJSON events during the work, the result as the last line. When the client disconnects, the
 * work is cancelled.
 */
import type { FastifyReply } from 'fastify';
import type { NarrationLine } from '../contract/api/hive-api.ts';
import type { Narrate, NarrationEvent } from '../contract/api/narration.ts';
import { asRbeeError, RbeeError } from '../contract/errors.ts';
import type { Redactor } from '../secrets/redaction.ts';

export const narratingAnswer = (
  reply: FastifyReply,
  work: (options: { signal: AbortSignal; narrate: Narrate }) => Promise<unknown>,
  redactor?: Redactor,
): void => {
  const left = new AbortController();
  const { raw } = reply.hijack();
  raw.writeHead(200, { 'content-type': 'application/x-ndjson' });
  raw.on('close', () => {
    if (!raw.writableFinished) left.abort(RbeeError.of('CANCELLED', { what: 'the request' }));
  });
  raw.on('error', () => left.abort());
  const write = (line: NarrationLine) => {
    if (!raw.destroyed) raw.write(`${JSON.stringify(line)}\n`);
  };
  const narrate = withLessProgress((event) => write(redactor ? redactedEvent(event, redactor) : event));
  work({ signal: left.signal, narrate })
    .then(
      (result) => write({ kind: 'result', result }),
      (thrown) => {
        const { code, ...words } = asRbeeError(thrown, 'the hive', 'hive.log').toJSON();
        write({ kind: 'error', error: { code, ...(redactor?.data(words) ?? words) } });
      },
    )
    .finally(() => raw.end());
};

/** Milliseconds between two progress events of one step. The queen disconnects a hive that sends far more. */
const progressMs = 100;

/** Engines report progress with every line of their log: events that follow too soon are dropped, except the last. */
const withLessProgress = (narrate: Narrate): Narrate => {
  const next = new Map<string, number>();
  return (event: NarrationEvent) => {
    if (event.kind === 'progress' && event.done !== event.total) {
      const now = performance.now();
      if (now < (next.get(event.id) ?? 0)) return;
      next.set(event.id, now + progressMs);
    }
    narrate(event);
  };
};

/** Only texts for people: ids and names are used for lookups and stay unchanged. */
const redactedEvent = (event: NarrationEvent, redactor: Redactor): NarrationEvent => {
  const { text, hint } = event as { text?: string; hint?: string };
  return {
    ...event,
    ...(text !== undefined && { text: redactor.text(text) }),
    ...(hint !== undefined && { hint: redactor.text(hint) }),
  } as NarrationEvent;
};
