/** Publishers that somebody let in for a delivery, so that the next machine does not ask about them again. */
import { join } from 'node:path';
import type { FoundPackage } from '../plugins/fetch/fetch-calls.ts';
import type { IndexEntry } from '../plugins/plugin-index.ts';
import { readRecord, writeRecord } from './record.ts';

/** As far as trust looks at entries of the index. */
export const trustedPublishers = async (cache: string): Promise<IndexEntry[]> =>
  (await readRecord<IndexEntry[]>(fileOf(cache))) ?? [];

export const trustPublisher = async (
  cache: string,
  { name, publisher, registry, integrity }: FoundPackage,
): Promise<void> => {
  const before = await trustedPublishers(cache);
  const entry: IndexEntry = { name, type: 'link', root: '', publisher: publisher.id, registry, integrity };
  const isKnown = before.some((one) => JSON.stringify(one) === JSON.stringify(entry));
  if (!isKnown) await writeRecord(fileOf(cache), [...before.filter((one) => one.name !== name), entry]);
};

const fileOf = (cache: string): string => join(cache, 'packages', 'let-in.json');
