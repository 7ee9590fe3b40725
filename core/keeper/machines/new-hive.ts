/** The flags of `hive add`, and how they are written in hives.conf. */
import { resolve } from 'node:path';
import * as Flags from '@oclif/core/flags';
import type { NewHive } from '../../config/edit-hives-conf.ts';
import { localAlias } from '../../config/hive-entry.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { WantedType } from './hives-file.ts';

export const newHiveFlags = {
  user: Flags.string({ char: 'u', description: 'User to log in as [default: from ~/.ssh/config]' }),
  port: Flags.integer({ char: 'p', min: 1, max: 65_535, description: 'Port of its SSH server' }),
  'identity-file': Flags.string({ char: 'i', description: 'Private key to use', helpValue: '<file>' }),
  'proxy-jump': Flags.string({
    char: 'J',
    description: 'Jump hosts: aliases from hives.conf, or [user@]host[:port]',
  }),
  label: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'Your own label, shown in lists; can be repeated',
    helpValue: '<key=value>',
  }),
  worker: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'Worker type to install there; can be repeated',
    helpValue: '<type[@version]>',
  }),
};

export interface NewHiveFlags {
  user?: string;
  port?: number;
  'identity-file'?: string;
  'proxy-jump'?: string;
  label?: string[];
  worker?: string[];
}

/** Errors: USAGE. */
export const newHive = (
  { alias, hostname }: { alias: string; hostname?: string },
  flags: NewHiveFlags,
  help: string,
): { hive: NewHive; types: WantedType[] } => {
  if (alias === localAlias) {
    const problem = `${localAlias} is the queen's own machine, which is already a hive; choose another name`;
    throw RbeeError.of('USAGE', { problem, help });
  }
  const fields = {
    hostname,
    ssh_user: flags.user,
    ssh_port: flags.port,
    identity_file: identityFile(flags['identity-file']),
    proxy_jump: flags['proxy-jump'],
    labels: labelsOf(flags.label ?? [], help),
  };
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { hive: { alias, ...given }, types: (flags.worker ?? []).map((text) => typeOf(text, help)) };
};

/** The path is on this machine, and made absolute. */
const identityFile = (path: string | undefined): string | undefined =>
  path === undefined || path.startsWith('~/') ? path : resolve(path);

const labelsOf = (pairs: readonly string[], help: string): Record<string, string> | undefined => {
  const labels: [string, string][] = pairs.map((pair) => {
    const [, key, value] = /^([^=\s]+)=(.*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined) {
      throw RbeeError.of('USAGE', { problem: `"${pair}" is not a label; write key=value`, help });
    }
    return [key, value];
  });
  return labels.length === 0 ? undefined : Object.fromEntries(labels);
};

const typeOf = (text: string, help: string): WantedType => {
  const [, type, version] = /^([^@\s]+)(?:@(.+))?$/.exec(text) ?? [];
  if (type === undefined) {
    throw RbeeError.of('USAGE', { problem: `"${text}" is not a worker type; write type or type@version`, help });
  }
  return version === undefined ? { type } : { type, version };
};
