/** Folders of installed programs and of their downloads. */
import { join } from 'node:path';
import type { BinaryContext } from './context.ts';

type Folders = BinaryContext['folders'];

/** See `installation.ts` for its layout. */
export const programsFolder = ({ data }: Pick<Folders, 'data'>): string => join(data, 'binaries');

/** Files by their SHA-256: see `download-cache.ts`. */
export const downloadsFolder = ({ cache }: Pick<Folders, 'cache'>): string => join(cache, 'downloads');
