/**
 * A stand-in for the Hugging Face hub on loopback, for one test file: repositories at commits, paged listings, large
 * files on a second server behind a redirect, tokens, and every way in which a download can fail.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubFile {
  data: Buffer;
  /** Stored outside git, as large files are: with a SHA-256 in the listing, behind a redirect. */
  large?: boolean;
  /** False values for the listing. */
  claims?: { bytes?: unknown; sha256?: string; git?: string };
}

export interface HubRepository {
  /** Files at each commit. */
  commits: Map<string, Map<string, HubFile>>;
  /** Commits by branch and tag name. */
  revisions: Map<string, string>;
  /** Only these tokens may read it. */
  tokens?: readonly string[];
}

/** How file downloads fail. */
export interface HubManners {
  /** Statuses of the next answers of any kind. */
  statuses: number[];
  /** Each answer is cut after this many bytes of a file. */
  cutAfter?: number;
  /** Each answer stalls after this many bytes of a file. */
  stallAfter?: number;
  /** Milliseconds between two pieces of 64 KiB. */
  slowMs?: number;
}

export interface Hub {
  url: string;
  repositories: Map<string, HubRepository>;
  manners: HubManners;
  /** `GET /path?query range` of each request, in order; requests to the server of large files begin with `CDN`. */
  requests: string[];
  /** File bytes sent so far. */
  sent(): number;
  /** Adds a commit and points `main` at it. */
  commit(
    repository: string,
    files: Record<string, HubFile | Buffer | string>,
    more?: Pick<HubRepository, 'tokens'>,
  ): string;
  close(): Promise<void>;
}

const pageSize = 5;

/** `host` is the address to listen on, for tests that reach it from another machine. */
export const startHub = async (host = '127.0.0.1'): Promise<Hub> => {
  const repositories: Hub['repositories'] = new Map();
  const manners: HubManners = { statuses: [] };
  const requests: string[] = [];
  const blobs = new Map<string, Buffer>();
  let sent = 0;
  let cdnUrl = '';

  const send = (data: Buffer, etag: string, request: IncomingMessage, response: ServerResponse): Promise<void> =>
    sendBytes({ data, etag, request, response, manners, onSent: (bytes) => (sent += bytes) });

  const cdn = createServer((request, response) => {
    requests.push(`CDN ${request.url} ${request.headers.range ?? ''}`.trim());
    const status = manners.statuses.shift();
    if (status !== undefined) return void response.writeHead(status).end();
    // Like an object store: the URL is signed, and a second credential is an error.
    if (request.headers.authorization !== undefined) return void response.writeHead(400).end();
    const data = blobs.get((request.url ?? '').split(/[/?]/)[1] ?? '');
    if (!data) return void response.writeHead(403).end();
    void send(data, `"${sha256(data).slice(0, 16)}"`, request, response);
  });

  const hub = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://hub');
    requests.push(`${request.method} ${url.pathname}${url.search} ${request.headers.range ?? ''}`.trim());
    const status = manners.statuses.shift();
    if (status !== undefined) return void response.writeHead(status).end('{}');
    const parts = url.pathname
      .replace(/^\/api\/models/, '')
      .split('/')
      .slice(1)
      .map(decodeURIComponent);
    const [org, name, kind, revision = '', ...rest] = parts;
    const repository = repositories.get(`${org}/${name}`);
    const refuse = (code: number, reason: string) =>
      void response
        .writeHead(code, { 'x-error-code': reason, 'content-type': 'application/json' })
        .end(JSON.stringify({ error: reason }));
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (!repository) return refuse(token === undefined ? 401 : 404, 'RepoNotFound');
    if (repository.tokens && token === undefined) return refuse(401, 'GatedRepo');
    if (repository.tokens && !repository.tokens.includes(token ?? '')) return refuse(403, 'GatedRepo');
    const commit = repository.revisions.get(revision === 'HEAD' ? 'main' : revision) ?? revision;
    const files = repository.commits.get(commit);
    if (!files) return refuse(404, 'RevisionNotFound');
    if (kind === 'revision') return json(response, infoOf(`${org}/${name}`, commit, repository));
    if (kind === 'tree') return sendTree(url, files, response);
    const file = kind === 'resolve' ? files.get(rest.join('/')) : undefined;
    if (!file) return refuse(404, 'EntryNotFound');
    if (!file.large) return void send(file.data, `"${gitHash(file.data)}"`, request, response);
    const id = sha256(file.data);
    blobs.set(id, file.data);
    // A new signature each time, like the real hub.
    response.writeHead(302, { location: `${cdnUrl}/${id}?signature=${requests.length}` }).end();
  });

  const url = await listen(hub, host);
  cdnUrl = await listen(cdn, host);

  const commit: Hub['commit'] = (repository, files, more = {}) => {
    const known = repositories.get(repository) ?? { commits: new Map(), revisions: new Map() };
    const entries = Object.entries(files).map(([path, file]): [string, HubFile] => {
      if (typeof file === 'string') return [path, { data: Buffer.from(file) }];
      return [path, Buffer.isBuffer(file) ? { data: file, large: true } : file];
    });
    const id = createHash('sha1').update(`${repository} ${known.commits.size}`).digest('hex');
    known.commits.set(id, new Map(entries));
    known.revisions.set('main', id);
    repositories.set(repository, { ...known, ...more });
    return id;
  };
  const close = async (): Promise<void> => {
    for (const server of [hub, cdn]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  };
  return { url, repositories, manners, requests, sent: () => sent, commit, close };
};

export const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

const gitHash = (data: Buffer): string => createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex');

/** Bytes that begin like a GGUF file and do not compress; the same for the same seed. */
export const ggufNoise = (bytes: number, seed = 'seed'): Buffer => {
  const blocks = Array.from({ length: Math.ceil(bytes / 64) }, (_, index) =>
    createHash('sha512').update(`${seed}${index}`).digest(),
  );
  return Buffer.concat([Buffer.from('GGUF'), ...blocks]).subarray(0, bytes);
};

const listen = async (server: Server, host: string): Promise<string> => {
  await new Promise<void>((done) => server.listen(0, host, done));
  return `http://${host}:${(server.address() as AddressInfo).port}`;
};

const json = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

const infoOf = (id: string, sha: string, { tokens }: HubRepository): unknown => ({
  _id: '1',
  id,
  sha,
  private: false,
  gated: tokens ? 'manual' : false,
  downloads: 1,
  likes: 1,
  lastModified: '2026-01-01T00:00:00.000Z',
});

const sendTree = (url: URL, files: Map<string, HubFile>, response: ServerResponse): void => {
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const all = [...files].map(([path, { data, large, claims = {} }]) => {
    const size = 'bytes' in claims ? claims.bytes : data.length;
    const lfs = { oid: claims.sha256 ?? sha256(data), size, pointerSize: 134 };
    return { type: 'file', path, size, oid: claims.git ?? gitHash(data), ...(large && { lfs }) };
  });
  const next = new URL(url.pathname + url.search, `http://${response.req.headers.host}`);
  next.searchParams.set('cursor', String(from + pageSize));
  const more = from + pageSize < all.length;
  json(response, all.slice(from, from + pageSize), more ? { link: `<${next.href}>; rel="next"` } : {});
};

interface Sending {
  data: Buffer;
  etag: string;
  request: IncomingMessage;
  response: ServerResponse;
  manners: HubManners;
  onSent: (bytes: number) => void;
}

const sendBytes = async ({ data, etag, request, response, manners, onSent }: Sending): Promise<void> => {
  const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const from = Number(wanted ?? 0);
  if (wanted !== undefined && from >= data.length) {
    return void response.writeHead(416, { 'content-range': `bytes */${data.length}` }).end();
  }
  response.writeHead(wanted === undefined ? 200 : 206, {
    etag,
    'content-length': data.length - from,
    ...(wanted === undefined ? {} : { 'content-range': `bytes ${from}-${data.length - 1}/${data.length}` }),
  });
  response.flushHeaders();
  const { cutAfter, stallAfter } = manners;
  const until = Math.min(data.length, from + (cutAfter ?? stallAfter ?? data.length));
  const closed = new Promise((done) => response.once('close', done));
  for (let at = from; at < until && !response.destroyed; at += 65_536) {
    const piece = data.subarray(at, Math.min(until, at + 65_536));
    await Promise.race([new Promise((done) => response.write(piece, done)), closed]);
    onSent(piece.length);
    // Read each time, so that a test can change it during a download.
    if (manners.slowMs) await new Promise((done) => setTimeout(done, manners.slowMs));
  }
  if (stallAfter !== undefined) return;
  if (cutAfter !== undefined && until < data.length) response.destroy();
  else response.end();
};
