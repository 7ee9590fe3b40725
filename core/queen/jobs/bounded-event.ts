/**
 * Limits what machines and programs may narrate in a job: steps, progress and remarks, with known fields and bounded
 * length. Questions, plans and generated text come only from the queen, so nothing can imitate them.
 */

import type { NarrationEvent } from '../../contract/api/narration.ts';
import type { ErrorBody } from '../../contract/errors.ts';

export type BoundedEvent = Extract<NarrationEvent, { kind: 'step' | 'progress' | 'done' | 'info' | 'warning' }>;

/** Maximum length of a text, and of a name, in characters. */
export const maxText = 16_384;
const maxName = 512;
const maxLines = 200;
const maxLine = 2_000;

/** Null for events that only the queen may send. */
export const boundedEvent = (event: NarrationEvent): BoundedEvent | null => {
  const on = 'on' in event && event.on !== undefined && { on: cut(event.on, maxName) };
  switch (event.kind) {
    case 'step':
      return { kind: 'step', id: cut(event.id, maxName), text: cut(event.text), ...on };
    case 'progress':
      return {
        kind: 'progress',
        id: cut(event.id, maxName),
        done: Number(event.done),
        ...(event.total !== undefined && { total: Number(event.total) }),
        ...(event.unit !== undefined && { unit: cut(event.unit, maxName) }),
        ...(event.text !== undefined && { text: cut(event.text) }),
      };
    case 'done':
      return {
        kind: 'done',
        id: cut(event.id, maxName),
        ...(event.text !== undefined && { text: cut(event.text) }),
        ...(event.ms !== undefined && { ms: Number(event.ms) }),
        ...(event.failed !== undefined && { failed: event.failed === true }),
      };
    case 'info':
      return { kind: 'info', text: cut(event.text), ...on };
    case 'warning':
      return {
        kind: 'warning',
        text: cut(event.text),
        ...(event.hint !== undefined && { hint: cut(event.hint) }),
        ...on,
      };
    default:
      return null;
  }
};

/** An error in a form that can be stored. It may come from another machine. */
export const boundedError = ({ code, message, hint, lines = [] }: ErrorBody): ErrorBody => ({
  code,
  message: cut(message),
  hint: cut(hint),
  ...(lines.length > 0 && { lines: lines.slice(-maxLines).map((line) => cut(line, maxLine)) }),
});

/** Splits long text so that no event exceeds the limit. Never splits a character. */
export const pieces = (text: string): string[] => {
  const all: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + maxText);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    all.push(text.slice(at, end));
    at = end;
  }
  return all;
};

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code < 0xdc00;

const cut = (text: unknown, max = maxText): string => {
  if (typeof text !== 'string') return '';
  return text.length > max ? `${text.slice(0, max)}… (${text.length} characters)` : text;
};
