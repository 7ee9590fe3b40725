/** Bearer keys, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { invalidKey } from './errors.ts';

/** Returns a check that throws 401 unless the header has the key. Without a key, every request passes. */
export const authorizer = (key: string | undefined): ((header: string | undefined) => void) => {
  if (!key) return () => {};
  const wanted = digest(key);
  return (header) => {
    const given = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (given === undefined || !timingSafeEqual(digest(given), wanted)) throw invalidKey();
  };
};

/** The comparison needs equal lengths, and digests have them. */
const digest = (text: string) => createHash('sha256').update(text).digest();
