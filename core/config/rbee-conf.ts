/** `rbee.conf`: how queen and hive behave on this machine. Every key is optional. Any mistake is an error. */

import { RbeeError } from '../contract/errors.ts';
import { defaultWorkerPorts } from '../contract/ports.ts';
import { parseBytes } from '../narration/quantities.ts';
import { bool, type Check, integer, isTable, listOf, loopback, oneOf, portRange, written } from './checks.ts';
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
    /** Web origins that may send inference requests, such as `http://localhost:3000`. */
    allowedOrigins: readonly string[];
    /** Maximum body of an inference request in bytes, written as `1GiB`. Large bodies are buffered on disk. */
    maxBody: number;
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
const origins = listOf(/^https?:\/\/[^/]+$/, 'origins such as "http://localhost:3000"');
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
  ['queen', 'bind', 'bind', loopback],
  ['queen', 'auto_start', 'autoStart', bool],
  ['queen', 'allowed_origins', 'allowedOrigins', origins],
  ['queen', 'max_body', 'maxBody', size, (value) => parseBytes(String(value))],
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
  document.refuse();
  return config;
};

const readSection = (document: TomlDocument, section: string, body: unknown, config: RbeeConfig): void => {
  const ofSection = settings.filter(([of]) => of === section);
  if (ofSection.length === 0) {
    document.unknown([section], 'section', [...new Set(settings.map(([name]) => name as string))]);
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
