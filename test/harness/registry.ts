/**
 * A real npm registry on loopback for one test file, in a temporary folder, without an upstream registry by default.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { freePort } from '../../core/worker-server/free-port.ts';
import { until } from './until.ts';

const root = resolve(import.meta.dirname, '../..');

export interface Registry {
  url: string;
  folder: string;
  /** Environment for npm and rbee: a separate home with a token and a cache. */
  env: NodeJS.ProcessEnv;
  /** Publishes the package in a folder. */
  publish(folder: string, options?: { tag?: string }): void;
  /** Publishes a packed package byte for byte, with any metadata: what npm itself would never publish. */
  put(packed: Buffer, document: { name: string; version: string }): Promise<void>;
  /** Publishes all packages of this repository as built, with the release command; returns its output. */
  release(): Promise<string>;
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** Patterns of packages that are fetched from the machine's own registry, such as `@scope/*`. Default: none. */
  uplink?: readonly string[];
}

export const startRegistry = async ({ uplink = [] }: RegistryOptions = {}): Promise<Registry> => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-verdaccio-')));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const outer = uplink.length === 0 ? undefined : npmSetting('registry');
  const authorities = outer === undefined ? undefined : npmSetting('cafile');
  writeFileSync(join(folder, 'config.yaml'), configuration(outer, uplink));
  const home = join(folder, 'home');
  mkdirSync(home);
  writeFileSync(join(home, '.npmrc'), `//127.0.0.1:${port}/:_authToken=x\nupdate-notifier=false\n`);
  const env: NodeJS.ProcessEnv = { ...withoutNpm(process.env), HOME: home };
  const program = join(root, 'node_modules/.bin/verdaccio');
  const args = ['--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`];
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    // Verdaccio ignores npm's certificate settings.
    env: { ...env, ...(authorities !== undefined && { NODE_EXTRA_CA_CERTS: authorities }) },
    stdio: 'ignore',
  });
  const close = async (): Promise<void> => {
    const gone = child.exitCode === null ? new Promise((done) => child.once('exit', done)) : null;
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const answers = () =>
    fetch(new URL('-/ping', url)).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers, { what: 'the registry', deadlineMs: 60_000 }).catch(async (error) => {
    await close();
    throw error;
  });
  const publish: Registry['publish'] = (from, { tag = 'latest' } = {}) => {
    const options = ['--registry', url, '--tag', tag, '--ignore-scripts', '--loglevel=error'];
    const { status, stderr } = spawnSync('npm', ['publish', ...options], { cwd: from, env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm publish in ${from} ended with ${status}\n${stderr}`);
  };
  const release: Registry['release'] = async () => {
    const args = ['run', '--silent', 'release', '--', '--registry', url, '--no-build'];
    const { stdout } = await promisify(execFile)('npm', args, { cwd: root, env });
    return stdout;
  };
  const put: Registry['put'] = async (packed, document) => {
    const body = JSON.stringify(publication(packed, document, url));
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    // A connection of its own: fetch would reuse one that the registry is about to close, and the request would be
    // lost.
    const sent = request(new URL(document.name.replace('/', '%2f'), url), { method: 'PUT', headers, agent: false });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const answer = await text(response);
    if (response.statusCode === 201) return;
    throw new Error(`${document.name} was refused: ${response.statusCode} ${answer}`);
  };
  return { url, folder, env, publish, put, release, close };
};

/** The value from npm on this machine; undefined if it is not set. */
const npmSetting = (name: string): string | undefined => {
  const value = spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' }).stdout.trim();
  return ['', 'null', 'undefined'].includes(value) ? undefined : value;
};

/** The document that `npm publish` sends. */
const publication = (packed: Buffer, document: { name: string; version: string }, url: string): object => {
  const { name, version } = document;
  const file = `${name.replace(/^.*\//, '')}-${version}.tgz`;
  const dist = {
    tarball: `${url}${name}/-/${file}`,
    integrity: `sha512-${createHash('sha512').update(packed).digest('base64')}`,
    shasum: createHash('sha1').update(packed).digest('hex'),
  };
  const attachment = {
    content_type: 'application/octet-stream',
    data: packed.toString('base64'),
    length: packed.length,
  };
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...document, _id: `${name}@${version}`, dist } },
    _attachments: { [file]: attachment },
  };
};

/** npm passes its own configuration to these tests, where it would override the one in `home`. */
const withoutNpm = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));

/** Anyone may publish: the registry lives only as long as the test. A slow upstream registry is retried. */
const configuration = (outer: string | undefined, uplink: readonly string[]): string => `storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
${outer === undefined ? '' : `uplinks:\n  outer:\n    url: ${outer}\n    timeout: 120s\n    max_fails: 1000\n    fail_timeout: 1s\n`}packages:
  '@rbee/*':
    access: $all
    publish: $all
    unpublish: $all
${uplink.map((pattern) => `  '${pattern}':\n    access: $all\n    publish: $all\n    proxy: outer\n`).join('')}${uplink.includes('**') ? '' : "  '**':\n    access: $all\n    publish: $all\n    unpublish: $all\n"}max_body_size: 500mb
publish:
  allow_offline: true
log: { type: stdout, level: fatal }
`;

/** Files of a package, by their path in it. */
export const writePackage = (folder: string, files: Record<string, string>): string => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};
