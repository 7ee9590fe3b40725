/** `rbee.conf`: how queen and hive behave on this machine. Every key is optional. Any mistake is an error. */

import { RbeeError } from '../contract/errors.ts';
import { defaultWorkerPorts } from '../contract/ports.ts';
import { parseBytes } from '../narration/quantities.ts';
import { type Aliases, readAliases } from './aliases.ts';
import { bool, type Check, integer, isTable, listOf, oneOf, portRange, text, written } from './checks.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { normalizedOrigin } from './origin.ts';
import type { Paths } from './paths.ts';
import { readTrusted } from './read-trusted.ts';
import { shown, singleErrors, TomlDocument } from './toml.ts';

export interface RbeeConfig {
  queen: {
    /** Where the hive of this machine runs: inside the queen, or as a separate process. */
    mode: 'attached-hive' | 'standalone';
    /** TCP port for applications; 0 picks a free one. */
    port: number;
    /** Address that the port listens on. */
    bind: string;
    /** Start the local hive with the queen. */
    autoStart: boolean;
    /** The same as `gateway.allowedOrigins`; both apply. */
    allowedOrigins: readonly string[];
    /** Maximum body of an inference request in bytes, written as `1GiB`. Large bodies are buffered on disk. */
    maxBody: number;
  };
  gateway: {
    /** Where it listens; null stands for `queen.bind` and `queen.port`. */
    listen: readonly ListenAddress[] | null;
    /** `auto`: programs on this machine need no key, everything else does. `always`: everything does. */
    keys: 'auto' | 'always';
    /** Files for `https://` addresses, in PEM: the certificate with its chain, and its private key. */
    tlsCert: string | null;
    tlsKey: string | null;
    /** Host names that requests may use beside loopback names and IP addresses; `*.example.com` stands for many. */
    allowedHosts: readonly string[];
    /** Web origins that may send requests, as browsers write them, or `*`. */
    allowedOrigins: readonly string[];
    /** Seconds that a request waits for a worker that starts, loads, wakes or restarts. */
    maxWait: number;
    /** Other names of models; the section `[aliases]`. */
    aliases: Aliases;
  };
  hive: {
    /** Ports for workers, `first-last`. */
    workerPorts: string;
  };
  package: {
    /** Maximum number of sync steps that run at once, across all machines. */
    maxConcurrentInstalls: number;
    /** Seconds to wait for a machine to answer over SSH. */
    sshTimeout: number;
    /** Seconds to wait for a new hive to become healthy before it is rolled back. */
    healthCheckTimeout: number;
  };
  registry: {
    /** npm registry for plugins; null uses npm's own setting. Scopes with their own registry keep it. */
    url: string | null;
    /** Scopes (`@acme`) or packages that may be installed; empty allows all, and asks about new publishers. */
    allowedScopes: readonly string[];
  };
}

const port = integer(0, 65535, 'a port');
const seconds = integer(1, 3600, 'a whole number of seconds');
const origins: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && normalizedOrigin(item) !== undefined)
    ? undefined
    : 'must be a list of origins such as "http://localhost:3000" or "app://obsidian.md", or ["*"]';
const toOrigins = (value: unknown) => (value as string[]).map((item) => normalizedOrigin(item) as string);
const addresses: Check = (value) =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.length <= 16 &&
  value.every((item) => typeof item === 'string' && parseListenAddress(item) !== undefined)
    ? undefined
    : 'must be a list of addresses such as "127.0.0.1:8500", "[::1]:8500" or "https://0.0.0.0:8443"';
const toAddresses = (value: unknown) => (value as string[]).map((item) => parseListenAddress(item) as ListenAddress);
const bind: Check = (value) =>
  typeof value === 'string' && parseListenAddress(value.includes(':') ? `[${value}]:0` : `${value}:0`)
    ? undefined
    : 'must be an IP address such as "127.0.0.1"';
const hostNames = listOf(
  /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:]+$/,
  'host names such as "ai.example.com" or "*.example.com", without ports',
);
const toLower = (value: unknown) => (value as string[]).map((item) => item.toLowerCase());
const address = written(/^https?:\/\/[^\s/]/, 'an address such as "https://npm.example.com"');
const scopes = listOf(/^@?[a-z0-9~-][a-z0-9._~/-]*$/, 'scopes such as "@acme"');
/** The minimum, so that ordinary requests fit. */
const minBody = 1024 * 1024;
const size: Check = (value) =>
  (parseBytes(String(value)) ?? 0) >= minBody ? undefined : 'must be a size of at least 1MiB, such as "1GiB"';

/** One row per setting: section, key in the file, key in the code, check, and conversion if needed. */
const settings: readonly (readonly [keyof RbeeConfig, string, string, Check, ((value: unknown) => unknown)?])[] = [
  ['queen', 'mode', 'mode', oneOf('attached-hive', 'standalone')],
  ['queen', 'port', 'port', port],
  ['queen', 'bind', 'bind', bind],
  ['queen', 'auto_start', 'autoStart', bool],
  ['queen', 'allowed_origins', 'allowedOrigins', origins, toOrigins],
  ['queen', 'max_body', 'maxBody', size, (value) => parseBytes(String(value))],
  ['gateway', 'listen', 'listen', addresses, toAddresses],
  ['gateway', 'keys', 'keys', oneOf('auto', 'always')],
  ['gateway', 'tls_cert', 'tlsCert', text],
  ['gateway', 'tls_key', 'tlsKey', text],
  ['gateway', 'allowed_hosts', 'allowedHosts', hostNames, toLower],
  ['gateway', 'allowed_origins', 'allowedOrigins', origins, toOrigins],
  ['gateway', 'max_wait', 'maxWait', integer(0, 3600, 'a whole number of seconds')],
  ['hive', 'worker_ports', 'workerPorts', portRange],
  ['package', 'max_concurrent_installs', 'maxConcurrentInstalls', integer(1, 1000, 'a number of installs')],
  ['package', 'ssh_timeout', 'sshTimeout', seconds],
  ['package', 'health_check_timeout', 'healthCheckTimeout', seconds],
  ['registry', 'url', 'url', address],
  ['registry', 'allowed_scopes', 'allowedScopes', scopes],
];

const defaults = (): RbeeConfig => ({
  queen: {
    mode: 'attached-hive',
    port: 8500,
    bind: '127.0.0.1',
    autoStart: true,
    allowedOrigins: [],
    maxBody: 1024 ** 3,
  },
  gateway: {
    listen: null,
    keys: 'auto',
    tlsCert: null,
    tlsKey: null,
    allowedHosts: [],
    allowedOrigins: [],
    maxWait: 120,
    aliases: new Map(),
  },
  hive: { workerPorts: defaultWorkerPorts },
  package: { maxConcurrentInstalls: 10, sshTimeout: 30, healthCheckTimeout: 60 },
  registry: { url: null, allowedScopes: [] },
});

/** Reads `rbee.conf`; returns the defaults if it does not exist. Errors: CONFIG_INVALID with file, line, column; FILE_NOT_PRIVATE. */
export const loadRbeeConf = (paths: Paths): RbeeConfig => {
  const source = readTrusted(paths.rbeeConf, paths);
  return source === null ? defaults() : parseRbeeConf(source, paths.rbeeConf);
};

/** All problems of `rbee.conf`, in the order of the file. */
export const rbeeConfProblems = (paths: Paths): RbeeError[] => {
  try {
    loadRbeeConf(paths);
    return [];
  } catch (error) {
    if (error instanceof RbeeError) return singleErrors(error);
    throw error;
  }
};

/** Reads the text of an `rbee.conf`; `file` is its name in errors. */
export const parseRbeeConf = (source: string, file: string): RbeeConfig => {
  const config = defaults();
  const document = new TomlDocument(source, file);
  for (const [section, body] of Object.entries(document.value)) readSection(document, section, body, config);
  checkTls(document, config.gateway);
  document.refuse();
  return config;
};

/** Where the queen listens: `[gateway] listen`, otherwise `bind` and `port` under `[queen]`. */
export const listenAddresses = ({ queen, gateway }: Pick<RbeeConfig, 'queen' | 'gateway'>): readonly ListenAddress[] =>
  gateway.listen ?? [{ host: queen.bind, port: queen.port, tls: false }];

const checkTls = (document: TomlDocument, { listen, tlsCert, tlsKey }: RbeeConfig['gateway']): void => {
  const path = ['gateway'];
  if ((tlsCert === null) !== (tlsKey === null)) {
    const [missing, given] = tlsCert === null ? ['tls_cert', 'tls_key'] : ['tls_key', 'tls_cert'];
    document.wrong([...path, given], `${missing} is missing`, 'give both files: the certificate and its private key');
  } else if (tlsCert === null && listen?.some(({ tls }) => tls)) {
    document.wrong([...path, 'listen'], 'an https:// address needs a certificate', 'give tls_cert and tls_key');
  }
};

const readSection = (document: TomlDocument, section: string, body: unknown, config: RbeeConfig): void => {
  if (section === 'aliases') {
    config.gateway.aliases = readAliases(document, section, body);
    return;
  }
  const ofSection = settings.filter(([of]) => of === section);
  if (ofSection.length === 0) {
    document.unknown([section], 'section', [...new Set(settings.map(([name]) => name as string)), 'aliases']);
    return;
  }
  if (!isTable(body)) {
    document.wrong([section], `${section} must be a section`, `write it as [${section}]`);
    return;
  }
  for (const [key, value] of Object.entries(body)) {
    const setting = ofSection.find(([, name]) => name === key);
    if (!setting) {
      const keys = ofSection.map(([, name]) => name);
      document.unknown([section, key], `key in [${section}]`, keys);
      continue;
    }
    const problem = setting[3](value);
    if (problem) document.wrong([section, key], `${key} ${problem}`, `its value is ${shown(value)}`);
    else Object.assign(config[setting[0]], { [setting[2]]: setting[4]?.(value) ?? value });
  }
};
