/**
 * Removes the parts of an address that must not be stored or shown: its query, which may be a signature, and a
 * password.
 */

/** The text, with secret parts removed from every web address in it. */
export const withoutSecrets = (text: string): string =>
  text.includes('://')
    ? text.replace(/\b(https?:\/\/)[^\s/?#"'<>]*@/gi, '$1').replace(/(\bhttps?:\/\/[^\s?#"'<>]*)\?[^\s#"'<>]*/gi, '$1')
    : text;

/** For text that is a single address, possibly malformed: also removes everything after `?` except the checksum. */
export const addressWithoutSecrets = (text: string): string =>
  /^https?:\/\//i.test(text) ? withoutSecrets(text.replace(/\?[^#]*/, '')).replace(/^(https?:\/\/).*@/i, '$1') : text;
