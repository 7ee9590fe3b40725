/** Narration for people: spinners that turn into ticks on a terminal, plain lines in a pipe. */
import { LivePrinter } from './live-printer.ts';
import { PlainPrinter } from './plain-printer.ts';
import type { PeopleOptions, PeoplePrinter } from './steps.ts';

export type { PeopleOptions, PeoplePrinter } from './steps.ts';

export const printForPeople = (options: PeopleOptions): PeoplePrinter =>
  options.narration.terminal.live ? new LivePrinter(options) : new PlainPrinter(options);
