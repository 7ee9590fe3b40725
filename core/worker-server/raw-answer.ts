/** Answers that are not JSON: text, audio, an image, or the answer of another server. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RawAnswerParts {
  /** The `Content-Type` header; absent for an answer without a body. */
  contentType?: string;
  /** A stream is forwarded as it arrives, and the request holds its slot until the stream ends. */
  body: string | Buffer | Readable;
  /** 200 when absent. */
  status?: number;
  headers?: Readonly<Record<string, string | readonly string[]>>;
}

export class RawAnswer {
  readonly parts: RawAnswerParts;

  constructor(parts: RawAnswerParts) {
    this.parts = parts;
  }
}

/** What a handler returns instead of a JSON object. */
export const rawAnswer = (parts: RawAnswerParts): RawAnswer => new RawAnswer(parts);

/**
 * Writes the answer, and resolves when it has been sent. If a stream fails in the middle, the connection is closed without
 * the end of the body, so that half an answer never looks complete.
 */
export const sendRawAnswer = async (
  { parts }: RawAnswer,
  response: ServerResponse,
  signal: AbortSignal,
  onFirstByte: () => void,
): Promise<void> => {
  const { contentType, body, status = 200, headers = {} } = parts;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (contentType !== undefined) response.setHeader('content-type', contentType);
  if (body instanceof Readable) {
    response.writeHead(status);
    onFirstByte();
    await pipeline(body, response, { signal });
    return;
  }
  response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status);
  onFirstByte();
  response.end(body);
};
