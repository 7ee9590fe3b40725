/** The Hugging Face hub, or what HF_ENDPOINT names: what a repository holds at a commit. The one file that knows its library. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { readSmallFile } from '../../boundary/small-file.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { DownloadPace } from '../../programs/download.ts';
import { httpAgent } from '../../programs/http-agent.ts';
import type { Call } from './call.ts';
import { get, refusal } from './http-get.ts';
import { isSafePath } from './safe-path.ts';
import { type About, retryText, Trouble, troubleError, withRetries } from './trouble.ts';

type HubReference = Extract<ModelReference, { kind: 'hf' }>;

/** A file as its repository lists it. */
export interface HubFile {
  path: string;
  /** Null where nobody says. */
  bytes: number | null;
  /** Of large files. */
  sha256: string | null;
  /** Git's own hash, of small files. */
  git: string | null;
}

export interface HubListing {
  /** Null where the source has no versions. */
  commit: string | null;
  files: HubFile[];
  /** Files that were left out since no folder can safely hold them. */
  unsafe: string[];
}

export interface Hub {
  endpoint: string;
  about(reference: HubReference): About;
  list(reference: HubReference, call: Call): Promise<HubListing>;
  /** Address of a file; it may redirect. */
  address(repo: string, commit: string, path: string): string;
  /** The token, for requests to the hub itself and to nobody else. */
  headersFor(origin: string): Readonly<Record<string, string>>;
}

export interface HubOptions {
  env: NodeJS.ProcessEnv;
  hive: string;
  pace: DownloadPace;
}

/** Most files of a repository that are looked at. */
const mostFiles = 100_000;
/** Most bytes of one page of its list. */
const mostListBytes = 64 * 2 ** 20;

/** Reads the token anew: it may have been given a moment ago. Errors of `list`: those of the catalogue that begin with MODEL_. */
export const openHub = async ({ env, hive, pace }: HubOptions): Promise<Hub> => {
  const endpoint = (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    const problem = `"${endpoint}" is no http or https address`;
    throw RbeeError.of('INVALID_INPUT', { what: 'HF_ENDPOINT', problem, hint: 'mend it and restart the queen' });
  }
  const { origin, host } = new URL(endpoint);
  const token = await readToken(env);
  // Someone waits for the list and has seen nothing yet; what has begun to come is waited for longer.
  const patience = { ...pace, attempts: Math.min(3, pace.attempts) };
  const headersFor: Hub['headersFor'] = (asked): Record<string, string> =>
    token !== '' && asked === origin ? { authorization: `Bearer ${token}` } : {};
  const about: Hub['about'] = (reference) => ({
    model: formatModelReference(reference),
    hive,
    page: `${endpoint}/${reference.repo}`,
    token: token !== '',
  });

  const list: Hub['list'] = async (reference, { signal, narrate }) => {
    const { listFiles, modelInfo } = await import('@huggingface/hub');
    const agent = await httpAgent(env, pace.stallMs);
    const fetched = hubFetch((address, headers) => get(address, { agent, headers, headersFor, signal }));
    const common = { hubUrl: endpoint, fetch: fetched };
    try {
      return await withRetries(
        async () => {
          const info = await modelInfo({
            ...common,
            name: reference.repo,
            additionalFields: ['sha'],
            ...(reference.revision !== undefined && { revision: reference.revision }),
          });
          const commit = info.sha;
          if (typeof commit !== 'string' || !/^[0-9a-f]{40,64}$/.test(commit))
            throw new Trouble('answer', 'names no commit', { host, passes: false });
          const listing: HubListing = { commit, files: [], unsafe: [] };
          for await (const entry of listFiles({ ...common, repo: reference.repo, revision: commit, recursive: true })) {
            if (entry.type !== 'file') continue;
            if (!isSafePath(entry.path)) listing.unsafe.push(entry.path);
            else listing.files.push(fileOf(entry, host));
            if (listing.files.length > mostFiles)
              throw new Trouble('answer', `lists more than ${mostFiles} files`, { host, passes: false });
          }
          return listing;
        },
        { pace: patience, signal, onRetry: (trouble) => narrate({ kind: 'info', text: retryText(trouble) }) },
      );
    } catch (error) {
      signal.throwIfAborted();
      const known = error instanceof RbeeError || error instanceof Trouble;
      const strange = known
        ? error
        : new Trouble('answer', 'gives no sensible answer', { host, passes: false, cause: error });
      throw troubleError(strange, about(reference), patience);
    } finally {
      await agent.close();
    }
  };

  return {
    endpoint,
    about,
    list,
    address: (repo, commit, path) =>
      `${endpoint}/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`,
    headersFor,
  };
};

const fileOf = (
  { path, size, oid, lfs }: { path: string; size?: unknown; oid?: unknown; lfs?: { oid?: unknown; size?: unknown } },
  host: string,
): HubFile => {
  const sha256 = typeof lfs?.oid === 'string' ? lfs.oid.replace(/^sha256:/, '').toLowerCase() : undefined;
  return {
    path,
    bytes: sizeOf(lfs?.size ?? size ?? null, path, host),
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : null,
    git: lfs === undefined && typeof oid === 'string' && /^[0-9a-f]{40}$/.test(oid) ? oid : null,
  };
};

/** Others are added up with it, so it has to be one. */
const sizeOf = (size: unknown, path: string, host: string): number | null => {
  if (size === null || (Number.isSafeInteger(size) && (size as number) >= 0)) return size as number | null;
  const said = JSON.stringify(size)?.slice(0, 30);
  throw new Trouble('answer', `says that ${path} has the size ${said}`, { host, passes: false });
};

type Get = (address: string, headers: Record<string, string>) => ReturnType<typeof get>;

/** The library's requests, by way of our proxies, certificates and errors. */
const hubFetch = (send: Get): typeof fetch => {
  const fetched = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const address = input instanceof Request ? input.url : String(input);
    const incoming = await send(address, {
      ...Object.fromEntries(new Headers(init?.headers)),
      'accept-encoding': 'identity',
    });
    const { host } = new URL(address);
    if (incoming.status >= 400) {
      incoming.body.on('error', () => {}).destroy();
      throw refusal(incoming, host);
    }
    const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as [string, string]],
    );
    // Read here, so that a connection that breaks in the middle is trouble too.
    const body = await readBounded(incoming.body, host).catch((error: unknown) => {
      throw Trouble.of(error, host);
    });
    return new Response(body, { status: incoming.status, headers });
  };
  return fetched as typeof fetch;
};

const readBounded = async (body: Readable, host: string): Promise<Buffer<ArrayBuffer>> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostListBytes)
      throw new Trouble('answer', `sends a list of more than ${formatBytes(mostListBytes)}`, { host, passes: false });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** As the hub's own tools look for it: the variable, then the file that `hf auth login` writes. */
const readToken = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const variable = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'];
  if (variable) return plain(variable);
  const cache = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  const file = env['HF_TOKEN_PATH'] || join(env['HF_HOME'] || join(cache, 'huggingface'), 'token');
  return plain(await readSmallFile(file).catch(() => ''));
};

/** Anything that no header can carry is no token. */
const plain = (token: string): string => {
  const trimmed = token.trim();
  return /^[\x21-\x7e]+$/.test(trimmed) ? trimmed : '';
};
