/** For tests: valid and hostile packages, and a registry that serves them as the test dictates. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import ssri from 'ssri';
import { Header } from 'tar';

export interface TarEntry {
  path: string;
  text?: string;
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'FIFO' | 'CharacterDevice';
  linkpath?: string;
  mode?: number;
  /** Size in bytes according to the header; the text's length when absent. */
  size?: number;
}

/** A packed package with exactly the given bytes. */
export const packEntries = (entries: readonly TarEntry[]): Buffer => {
  const blocks = entries.flatMap(({ path, text = '', type = 'File', linkpath, mode = 0o644, size }) => {
    const body = Buffer.from(text);
    const header = new Header({ path, type, linkpath, mode, size: size ?? body.length, mtime: new Date(0) });
    const head = Buffer.alloc(512);
    header.encode(head, 0);
    return [head, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
};

export interface PluginOptions {
  name?: string;
  version?: string;
  type?: string;
  api?: unknown;
  variants?: readonly string[];
  /** Additional fields of package.json. */
  more?: Record<string, unknown>;
  /** The full text of package.json. */
  manifest?: string;
  /** Appended to the code of its entry file. */
  code?: string;
  /** Source of `packages` of each variant; `id` is the variant. */
  packages?: string;
  /** Operating system of its variants; this machine's when absent. */
  os?: string;
  entries?: readonly TarEntry[];
}

/** The files of a plugin whose engine answers every request with its version. */
export const pluginFiles = (options: PluginOptions = {}): Record<string, string> => {
  const { name = '@rbee/worker-echo', version = '1.0.0', type = 'echo', variants = ['cpu'], packages = '{}' } = options;
  const workerTypes = { [type]: { entry: './index.js', serves: ['/v1/echo'], variants } };
  const json = {
    name,
    version,
    type: 'module',
    license: 'MIT',
    keywords: ['rbee-worker'],
    rbee: { api: options.api ?? 1, workerTypes },
    ...options.more,
  };
  const builds = variants.map(
    (id) => `{ id: '${id}', platforms: ['${options.os ?? process.platform}-${process.arch}'],
      fits: (host) => host.devices.some(({ kind }) => kind === '${id}')
        ? { fits: true } : { fits: false, reasons: ['there is no ${id} device'] },
      deviceFlags: () => ({ args: [], env: {} }), packages: ((id) => (${packages}))('${id}'),
      resolveBinary: () => [{ kind: 'module', id: 'builtin', script: 'server.js' }] }`,
  );
  return {
    'package.json': options.manifest ?? JSON.stringify(json),
    'index.js': `${options.code ?? ''}
export default { name: '${type}', apiVersion: 1, serves: [{ path: '/v1/echo', kind: 'other' }],
  variants: [${builds.join(',')}], command: (launch) => ({ args: [String(launch.port)] }),
  health: { ready: { mode: 'poll', path: '/health' } } };`,
    'server.js': `import { createServer } from 'node:http';
createServer((request, response) => { request.resume(); response.end(JSON.stringify({ version: '${version}' })); })
  .listen(Number(process.argv[2]), '127.0.0.1');`,
  };
};

export const packPlugin = (options: PluginOptions = {}): Buffer => {
  const files = Object.entries(pluginFiles(options)).map(([path, text]) => ({ path: `package/${path}`, text }));
  return packEntries([...files, ...(options.entries ?? [])]);
};

export interface Offer {
  name: string;
  version: string;
  packed: Buffer;
  /** Its registry metadata, in addition to name and version. */
  document?: Record<string, unknown>;
  integrity?: string;
  /** Signatures of the registry, as `keyid` and base64. */
  signatures?: readonly { keyid: string; sig: string }[];
  /** Additional fields of `dist`, next to the package's address. */
  dist?: Record<string, unknown>;
}

export interface TinyRegistry {
  url: string;
  /** Requested paths. */
  requests: string[];
  offer(offer: Offer): void;
  /** Overrides the registry's answer; returns false to leave it to the registry. */
  misbehave(how: (request: IncomingMessage, response: ServerResponse) => boolean): void;
  close(): Promise<void>;
}

export const integrityOf = (packed: Buffer): string => String(ssri.fromData(packed, { algorithms: ['sha512'] }));

/** A registry on loopback. The last published version of a name is its `latest`. */
export const startTinyRegistry = async (): Promise<TinyRegistry> => {
  const offers: Offer[] = [];
  const requests: string[] = [];
  let misbehaviour: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push(path);
    if (misbehaviour(request, response)) return;
    const file = offers.find((offer) => path === pathOf(offer));
    if (file) return void response.end(file.packed);
    const known = offers.filter(({ name }) => path === `/${name}`);
    if (known.length === 0) return void response.writeHead(404).end('{}');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(packument(known, url)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((done) => server.close(done));
  };
  return {
    url,
    requests,
    offer: (offer) => void offers.push(offer),
    misbehave: (how) => {
      misbehaviour = how;
    },
    close,
  };
};

const pathOf = ({ name, version }: Offer): string => `/${name}/-/${version}.tgz`;

const packument = (offers: readonly Offer[], url: string): unknown => {
  const versions = offers.map((offer) => {
    const dist = {
      tarball: url + pathOf(offer),
      integrity: offer.integrity ?? integrityOf(offer.packed),
      signatures: offer.signatures,
      ...offer.dist,
    };
    return [offer.version, { name: offer.name, version: offer.version, ...offer.document, dist }];
  });
  const latest = offers.at(-1);
  return {
    name: latest?.name,
    'dist-tags': { latest: latest?.version },
    versions: Object.fromEntries(versions),
  };
};
