/** Where installed programs are, and what was downloaded for them. */
import { join } from 'node:path';
import type { BinaryContext } from './context.ts';

type Folders = BinaryContext['folders'];

/** One folder for each attempt, and files beside it: see `installation.ts`. */
export const programsFolder = ({ data }: Pick<Folders, 'data'>): string => join(data, 'binaries');

/** Files by their SHA-256: see `fetcher.ts`. */
export const downloadsFolder = ({ cache }: Pick<Folders, 'cache'>): string => join(cache, 'downloads');
