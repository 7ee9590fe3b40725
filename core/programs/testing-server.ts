/** A file server for the tests in this folder, which can misbehave in many ways. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { undoAfter } from '../lifecycle/process/testing.ts';

export interface ServedFile {
  data: Buffer;
  /** Does not support ranges. */
  wholeOnly?: boolean;
  /** Sends neither the length nor the version of the file. */
  bare?: boolean;
  /** Bytes after which the connection of each answer breaks. */
  cutAfter?: number;
  /** Bytes after which each answer stalls. */
  stallAfter?: number;
  /** Milliseconds between two pieces of 64 KiB. */
  slowMs?: number;
  /** Statuses of the first answers. */
  failures?: number[];
  /** The length that it claims. */
  claims?: number;
  redirect?: string;
}

export interface FileServer {
  url: string;
  files: Map<string, ServedFile>;
  /** `GET path range` of each request, in order. */
  requests: string[];
}

export const sha256Of = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** Incompressible bytes, the same for the same seed. */
export const noise = (bytes: number, seed = 'seed'): Buffer<ArrayBuffer> => {
  const blocks = Array.from({ length: Math.ceil(bytes / 64) }, (_, index) =>
    createHash('sha512').update(`${seed}${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
};

export const fileServer = async (t: Pick<TestContext, 'after'>): Promise<FileServer> => {
  const files = new Map<string, ServedFile>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    requests.push(`${request.method} ${path} ${request.headers.range ?? ''}`.trim());
    const file = files.get(path);
    if (file) void answer(file, request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undoAfter(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files, requests };
};

const answer = async (file: ServedFile, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const failure = file.failures?.shift();
  if (failure !== undefined) return void response.writeHead(failure).end();
  if (file.redirect !== undefined) return void response.writeHead(302, { location: file.redirect }).end();
  const { data } = file;
  const etag = `"${sha256Of(data).slice(0, 8)}"`;
  const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const condition = request.headers['if-range'];
  const ranged = wanted !== undefined && !file.wholeOnly && (condition === undefined || condition === etag);
  const from = ranged ? Number(wanted) : 0;
  if (ranged && from >= data.length)
    return void response.writeHead(416, { 'content-range': `bytes */${data.length}` }).end();
  response.writeHead(ranged ? 206 : 200, {
    ...(file.bare ? {} : { etag, 'content-length': file.claims ?? data.length - from }),
    ...(ranged ? { 'content-range': `bytes ${from}-${data.length - 1}/${data.length}` } : {}),
  });
  response.flushHeaders();
  const until = Math.min(data.length, from + (file.cutAfter ?? file.stallAfter ?? data.length));
  const closed = new Promise((resolve) => response.once('close', resolve));
  for (let at = from; at < until && !response.destroyed; at += 65_536) {
    const flushed = new Promise((resolve) => response.write(data.subarray(at, Math.min(until, at + 65_536)), resolve));
    await Promise.race([flushed, closed]);
    if (file.slowMs) await new Promise((resolve) => setTimeout(resolve, file.slowMs));
  }
  if (file.stallAfter !== undefined) return;
  if (file.cutAfter !== undefined && until < data.length) response.destroy();
  else response.end();
};
