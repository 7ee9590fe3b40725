/** Lists repositories on the Hugging Face hub, or on the server in HF_ENDPOINT. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { readSmallFile } from '../../boundary/small-file.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import { httpAgent } from '../../download/http-agent.ts';
import { answerFailure, HttpFailure } from '../../download/http-failure.ts';
import { httpGet } from '../../download/http-get.ts';
import { type RetryPolicy, withRetries } from '../../download/retry.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { Call } from './call.ts';
import { type About, hubReason, modelError, retryText } from './hub-errors.ts';
import { isSafePath } from './manifest.ts';

type HubReference = Extract<ModelReference, { kind: 'hf' }>;

/** A file in a repository's listing. */
export interface HubFile {
  path: string;
  /** Null: unknown. */
  bytes: number | null;
  /** Large files only. */
  sha256: string | null;
  /** Git's hash; small files only. */
  git: string | null;
}

export interface HubListing {
  /** Null if the source has no versions. */
  commit: string | null;
  files: HubFile[];
  /** Files whose names are unsafe as paths; left out of `files`. */
  unsafe: string[];
}

export interface Hub {
  endpoint: string;
  about(reference: HubReference): About;
  list(reference: HubReference, call: Call): Promise<HubListing>;
  /** URL of a file; may redirect. */
  address(repo: string, commit: string, path: string): string;
  /** Headers with the token, sent only to the hub's origin. */
  headersFor(origin: string): Readonly<Record<string, string>>;
}

export interface HubOptions {
  env: NodeJS.ProcessEnv;
  hive: string;
  retry: RetryPolicy;
}

/** Maximum number of files listed per repository. */
const maxFiles = 100_000;
/** Maximum size in bytes of a page of the listing. */
const maxListBytes = 64 * 2 ** 20;

/** Reads the token on each call, as it may have changed. `list` throws MODEL_ errors. */
export const openHub = async ({ env, hive, retry }: HubOptions): Promise<Hub> => {
  const endpoint = (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    const problem = `"${endpoint}" is not an http or https URL`;
    throw RbeeError.of('INVALID_INPUT', { what: 'HF_ENDPOINT', problem, hint: 'correct it and restart the queen' });
  }
  const { origin, host } = new URL(endpoint);
  const token = await readToken(env);
  // A user waits for the listing without seeing progress, so give up earlier than for a download.
  const listRetry = { ...retry, maxAttempts: Math.min(3, retry.maxAttempts) };
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
    const agent = await httpAgent(env, retry.idleTimeoutMs);
    const fetched = hubFetch((address, headers) => httpGet(address, { agent, headers, headersFor, signal }));
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
            throw new HttpFailure('answer', 'does not report a commit', { host, retryable: false });
          const listing: HubListing = { commit, files: [], unsafe: [] };
          for await (const entry of listFiles({ ...common, repo: reference.repo, revision: commit, recursive: true })) {
            if (entry.type !== 'file') continue;
            if (!isSafePath(entry.path)) listing.unsafe.push(entry.path);
            else listing.files.push(fileOf(entry, host));
            if (listing.files.length > maxFiles)
              throw new HttpFailure('answer', `lists more than ${maxFiles} files`, { host, retryable: false });
          }
          return listing;
        },
        { retry: listRetry, signal, onRetry: (failure) => narrate({ kind: 'info', text: retryText(failure) }) },
      );
    } catch (error) {
      signal.throwIfAborted();
      const known = error instanceof RbeeError || error instanceof HttpFailure;
      const failure = known
        ? error
        : new HttpFailure('answer', 'sent an unusable answer', { host, retryable: false, cause: error });
      throw modelError(failure, about(reference), listRetry);
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

/** Sizes are added up, so each must be a number. */
const sizeOf = (size: unknown, path: string, host: string): number | null => {
  if (size === null || (Number.isSafeInteger(size) && (size as number) >= 0)) return size as number | null;
  const said = JSON.stringify(size)?.slice(0, 30);
  throw new HttpFailure('answer', `reports the size ${said} for ${path}`, { host, retryable: false });
};

type Get = (address: string, headers: Record<string, string>) => ReturnType<typeof httpGet>;

/** `fetch` for the hub library, with rbee's proxies, certificates and errors. */
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
      throw answerFailure(incoming, host, hubReason(incoming));
    }
    const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as [string, string]],
    );
    // Read here, so that a lost connection is reported as an HttpFailure.
    const body = await readBounded(incoming.body, host).catch((error: unknown) => {
      throw HttpFailure.of(error, host);
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
    if (bytes > maxListBytes)
      throw new HttpFailure('answer', `sends a listing of more than ${formatBytes(maxListBytes)}`, {
        host,
        retryable: false,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** Looks in the same places as the hub's own tools: the variable, then the file that `hf auth login` writes. */
const readToken = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const variable = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'];
  if (variable) return plain(variable);
  const cache = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  const file = env['HF_TOKEN_PATH'] || join(env['HF_HOME'] || join(cache, 'huggingface'), 'token');
  return plain(await readSmallFile(file).catch(() => ''));
};

/** A value that no HTTP header can carry is not a token. */
const plain = (token: string): string => {
  const trimmed = token.trim();
  return /^[\x21-\x7e]+$/.test(trimmed) ? trimmed : '';
};
