/** Segments as subtitle files. */
import type { Segment } from './transcript.ts';

export const toSrt = (segments: readonly Segment[]): string =>
  segments
    .map(({ start, end, text }, at) => `${at + 1}\n${time(start, ',')} --> ${time(end, ',')}\n${line(text)}\n\n`)
    .join('');

export const toVtt = (segments: readonly Segment[]): string =>
  `WEBVTT\n\n${segments.map(({ start, end, text }) => `${time(start, '.')} --> ${time(end, '.')}\n${line(text)}\n\n`).join('')}`;

/** Players read an arrow as times, and an empty line as the end of the text. */
const line = (text: string) =>
  text
    .trim()
    .replaceAll('-->', '->')
    .replace(/\s*\n\s*/g, '\n');

/** `01:02:03,456` */
const time = (seconds: number, point: ',' | '.') => {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const clock = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map(two).join(':');
  return `${clock}${point}${String(ms % 1000).padStart(3, '0')}`;
};
