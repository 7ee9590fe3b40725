/** `rbee.conf`: how queen and hive behave on this machine. Every key is optional; what is written must be right. */
import { readFileSync } from 'node:fs';
import { parse, stringify, TomlError } from 'smol-toml';
import { RbeeError } from '../contract/errors.ts';
import { nearest } from '../narration/near.ts';
import { parseBytes } from '../narration/quantities.ts';
import type { Paths } from './paths.ts';

export interface RbeeConfig {
  queen: {
    /** Where the hive of this machine runs: inside the queen, or as a process of its own. */
    mode: 'attached-hive' | 'standalone';
    /** TCP port for applications; 0 takes a free one. */
    port: number;
    /** Address that the port listens on. */
    bind: string;
    /** Start the local hive with the queen. */
    autoStart: boolean;
    /** Web origins that may send inference requests, such as `http://localhost:3000`. */
    allowedOrigins: readonly string[];
    /** Largest body of an inference request, in bytes; written as `1GiB`. Large ones wait on disk, not in memory. */
    maxBody: number;
  };
  hive: {
    /** Ports for workers, `first-last`. */
    workerPorts: string;
  };
  registry: {
    /** npm registry that plugins come from; null takes npm's own setting. Scopes with a registry of their own keep it. */
    url: string | null;
    /** Scopes (`@acme`) or names of packages that may be installed; empty allows all, and asks about new ones. */
    allowedScopes: readonly string[];
  };
}

type Check = (value: unknown) => string | undefined;

/** A body has to hold a request at least. */
const leastBody = 1024 * 1024;

const oneOf =
  (...allowed: string[]): Check =>
  (value) =>
    typeof value === 'string' && allowed.includes(value)
      ? undefined
      : `must be one of ${allowed.map((word) => `"${word}"`).join(', ')}`;
const port: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535
    ? undefined
    : 'must be a port, 0 to 65535';
const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be a text');
const bool: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const origins: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && /^https?:\/\/[^/]+$/.test(item))
    ? undefined
    : 'must be a list of origins such as "http://localhost:3000"';
const address: Check = (value) =>
  typeof value === 'string' && /^https?:\/\/[^\s/]/.test(value)
    ? undefined
    : 'must be an address such as "https://npm.example.com"';
const scopes: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && /^@?[a-z0-9~-][a-z0-9._~/-]*$/.test(item))
    ? undefined
    : 'must be a list of scopes such as "@acme"';
const size: Check = (value) =>
  (parseBytes(String(value)) ?? 0) >= leastBody ? undefined : 'must be a size of at least 1MiB, such as "1GiB"';
const portRange: Check = (value) => {
  const match = typeof value === 'string' ? /^(\d{1,5})-(\d{1,5})$/.exec(value) : null;
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return match && first >= 1024 && first <= last && last <= 65535
    ? undefined
    : 'must be a range of ports such as "18000-18999"';
};

/** Section, key in the file, key in the code, check, and how it is read where not as it is. One row a setting. */
const settings: readonly (readonly [keyof RbeeConfig, string, string, Check, ((value: unknown) => unknown)?])[] = [
  ['queen', 'mode', 'mode', oneOf('attached-hive', 'standalone')],
  ['queen', 'port', 'port', port],
  ['queen', 'bind', 'bind', text],
  ['queen', 'auto_start', 'autoStart', bool],
  ['queen', 'allowed_origins', 'allowedOrigins', origins],
  ['queen', 'max_body', 'maxBody', size, (value) => parseBytes(String(value))],
  ['hive', 'worker_ports', 'workerPorts', portRange],
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
  hive: { workerPorts: '18000-18999' },
  registry: { url: null, allowedScopes: [] },
});

/** Reads `rbee.conf`; all defaults where there is none. Errors: CONFIG_INVALID with file, line, column. */
export const loadRbeeConf = (paths: Paths): RbeeConfig => {
  let source: string;
  try {
    source = readFileSync(paths.rbeeConf, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return defaults();
    throw configError(
      paths.rbeeConf,
      { line: 1, column: 1 },
      (error as Error).message,
      'mend the permissions of the file',
    );
  }
  return parseRbeeConf(source, paths.rbeeConf);
};

/** Reads the text of an `rbee.conf`; `file` is its name in errors. */
export const parseRbeeConf = (source: string, file: string): RbeeConfig => {
  const config = defaults();
  for (const [section, body] of Object.entries(readToml(source, file))) {
    const known = [...new Set(settings.map(([name]) => name as string))];
    if (!known.includes(section)) throw unknown(file, locate(source, section), 'section', section, known);
    if (typeof body !== 'object' || body === null) {
      throw configError(file, locate(source, section), `${section} is a section`, `write it as [${section}]`);
    }
    for (const [key, value] of Object.entries(body)) {
      const setting = settings.find(([of, name]) => of === section && name === key);
      const at = locate(source, section, key);
      if (!setting) {
        const keys = settings.filter(([of]) => of === section).map(([, name]) => name);
        throw unknown(file, at, `key in [${section}]`, key, keys);
      }
      const problem = setting[3](value);
      if (problem) throw configError(file, at, `${key} ${problem}`, `it is ${JSON.stringify(value)} now`);
      Object.assign(config[setting[0]], { [setting[2]]: setting[4]?.(value) ?? value });
    }
  }
  return config;
};

/** Reads TOML; `file` is its name in errors. Errors: CONFIG_INVALID. */
export const readToml = (source: string, file: string): Record<string, unknown> => {
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const problem = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? 'not valid TOML';
    throw configError(file, { line: error.line, column: error.column }, problem, 'the file is written in TOML');
  }
};

export const formatToml = (value: Record<string, unknown>): string => stringify(value);

interface Position {
  line: number;
  column: number;
}

/** Where a section, or a key of it, stands. */
const locate = (source: string, section: string, key?: string): Position => {
  let inside = false;
  for (const [index, line] of source.split('\n').entries()) {
    const header = /^\s*\[+\s*"?([\w.-]+)"?\s*\]/.exec(line);
    if (header) inside = header[1] === section;
    const name = key ?? section;
    const found = (key === undefined ? header?.[1] === section : inside) || line.trimStart().startsWith(`${section}.`);
    const column = line.indexOf(name);
    const isKey = key === undefined || new RegExp(`(^|[.\\s"'])${key}["']?\\s*=`).test(line);
    if (found && isKey && column >= 0) return { line: index + 1, column: column + 1 };
  }
  return { line: 1, column: 1 };
};

const unknown = (file: string, at: Position, what: string, name: string, known: readonly string[]): RbeeError => {
  const near = nearest(name, known)[0];
  const hint = near ? `did you mean ${near}?` : `known are: ${known.join(', ')}`;
  return configError(file, at, `there is no ${what} named ${name}`, hint);
};

const configError = (file: string, at: Position, problem: string, hint: string): RbeeError =>
  RbeeError.of('CONFIG_INVALID', { file, line: at.line, column: at.column, problem, hint });
