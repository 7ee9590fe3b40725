/** What must not be kept or shown of an address: its query, which may be a signature, and a password in it. */

/** The text with every web address in it cut down to what anyone may see. */
export const withoutSecrets = (text: string): string =>
  text.includes('://')
    ? text.replace(/\b(https?:\/\/)[^\s/?#"'<>]*@/gi, '$1').replace(/(\bhttps?:\/\/[^\s?#"'<>]*)\?[^\s#"'<>]*/gi, '$1')
    : text;

/** A whole text that is meant as an address, however badly it is written: nothing of it after `?` but the checksum is left. */
export const addressWithoutSecrets = (text: string): string =>
  /^https?:\/\//i.test(text) ? withoutSecrets(text.replace(/\?[^#]*/, '')).replace(/^(https?:\/\/).*@/i, '$1') : text;
