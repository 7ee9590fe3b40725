/** Warns that a command is deprecated, and names its replacement. */

import type { Screen } from '../narration/screen.ts';
import { paint } from '../narration/text.ts';

export const deprecated = (screen: Screen, command: string, instead: string): void =>
  screen.show(
    instead,
    (advice, terminal) => `${paint('yellow', 'warning:', terminal)} ${command} is deprecated\n  try: ${advice}\n`,
  );
