/** Publishers that the user confirmed for a delivery, so that the next machine does not ask again. */
import { join } from 'node:path';
import type { FoundPackage } from '../plugins/fetch/fetch-calls.ts';
import type { IndexEntry } from '../plugins/plugin-index.ts';
import { readRecord, writeRecord } from './record.ts';

/** With the fields of an index entry that trust checks use. */
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
