/** Converts JSON to UTF-8. Engines would silently turn other bytes into U+FFFD. */
import { isUtf8 } from 'node:buffer';
import { invalidBody } from '../model-name/model-scan.ts';

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The same JSON without a byte order mark, and in UTF-8 if its content type names another charset. Throws INVALID_INPUT for
 * bytes that are not text.
 */
export const utf8Json = (body: Buffer, contentType = ''): Buffer => {
  const marked = body.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const text = marked ? body.subarray(byteOrderMark.length) : body;
  if (isUtf8(text)) return text;
  const charset = /;\s*charset="?([\w:.-]+)/i.exec(contentType)?.[1];
  if (charset === undefined || /^utf-?8$/i.test(charset)) throw invalidBody('it is not UTF-8');
  return Buffer.from(decoderFor(charset).decode(text));
};

const decoderFor = (charset: string): TextDecoder => {
  try {
    return new TextDecoder(charset);
  } catch (cause) {
    throw invalidBody(`it is not UTF-8, and there is no charset ${charset}`, { cause });
  }
};

/** Removes the charset from the content type. `headers` has names and values, alternating. */
export const declareUtf8 = (headers: string[]): void => {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === 'content-type')
      headers[at + 1] = headers[at + 1]!.replace(/;\s*charset=[^;]*/i, '');
  }
};
