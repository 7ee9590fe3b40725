/** Every way in which a hive lies here. */
import { answeredLies } from './answered.ts';
import type { HiveLie } from './lie.ts';
import { streamedLies } from './streamed.ts';
import { toldLies } from './told.ts';

export const hiveLies: readonly HiveLie[] = [...toldLies, ...streamedLies, ...answeredLies];
