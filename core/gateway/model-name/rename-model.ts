/**
 * Puts the name that a worker uses for its model into a request that uses an alias, which the engine does not know.
 */
import { Readable } from 'node:stream';
import type { StoredBody } from '../bodies/stored-body.ts';
import { modelScan } from './model-name.ts';
import type { Span } from './model-scan.ts';

interface Named {
  /** Path and query. */
  target: string;
  /** Names and values, alternating. */
  headers: readonly string[];
  body: Buffer | StoredBody | null;
}

/** The same request with `model` in its query and its body, wherever it is there already. */
export const withModel = async <Request extends Named>(request: Request, model: string): Promise<Request> => ({
  ...request,
  target: inTarget(request.target, model),
  body: request.body && request.body.length > 0 ? await inBody(request.body, request.headers, model) : request.body,
});

const inTarget = (target: string, model: string): string => {
  const query = target.indexOf('?');
  if (query < 0) return target;
  const parts = target.slice(query + 1).split('&');
  const renamed = parts.map((part) => (isModel(part) ? `model=${encodeURIComponent(model)}` : part));
  return `${target.slice(0, query)}?${renamed.join('&')}`;
};

const isModel = (part: string): boolean => new URLSearchParams(part).has('model');

const inBody = async (
  body: Buffer | StoredBody,
  headers: readonly string[],
  model: string,
): Promise<Buffer | StoredBody> => {
  const type = contentType(headers);
  const scan = modelScan(type);
  for await (const piece of Buffer.isBuffer(body) ? [body] : body.read()) {
    scan.push(piece);
    if (scan.span) break;
  }
  if (!scan.span) return body;
  const name = Buffer.from(type !== undefined && /^\s*multipart\//i.test(type) ? model : JSON.stringify(model));
  return Buffer.isBuffer(body) ? spliced(body, scan.span, name) : splicedOnRead(body, scan.span, name, model);
};

const contentType = (headers: readonly string[]): string | undefined => {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() === 'content-type') return headers[at + 1];
  }
  return undefined;
};

const spliced = (body: Buffer, [start, end]: Span, name: Buffer): Buffer =>
  Buffer.concat([body.subarray(0, start), name, body.subarray(end)]);

const splicedOnRead = (body: StoredBody, span: Span, name: Buffer, model: string): StoredBody => ({
  length: body.length - (span[1] - span[0]) + name.length,
  model: async () => model,
  read: () => Readable.from(splicing(body.read(), span, name), { objectMode: false }),
});

async function* splicing(pieces: AsyncIterable<Buffer>, [start, end]: Span, name: Buffer): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    const [head, tail] = [piece.subarray(0, Math.max(0, start - at)), piece.subarray(Math.max(0, end - at))];
    if (head.length > 0) yield head;
    if (at <= start && start < at + piece.length) yield name;
    if (tail.length > 0) yield tail;
    at += piece.length;
  }
}
