/** Bearer keys, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { invalidKey } from './errors.ts';

/** Gives a check that throws 401 unless the header carries the key; without a key everything passes. */
export const authorizer = (key: string | undefined): ((header: string | undefined) => void) => {
  if (!key) return () => {};
  const wanted = digest(key);
  return (header) => {
    const given = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (given === undefined || !timingSafeEqual(digest(given), wanted)) throw invalidKey();
  };
};

/** Digests have one length, which the comparison needs. */
const digest = (text: string) => createHash('sha256').update(text).digest();
