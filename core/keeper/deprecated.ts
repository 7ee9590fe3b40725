/** Says that a command goes, and what to use in its place. */

import type { Screen } from '../narration/people.ts';
import { paint } from '../narration/text.ts';

export const deprecated = ({ stream, terminal }: Screen, command: string, instead: string): void => {
  stream.write(`${paint('yellow', 'warning:', terminal)} ${command} is deprecated\n  try: ${instead}\n`);
};
