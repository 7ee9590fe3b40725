/** What the commands around machines take alike, and what they tell the queen of it. */
import { isAbsolute, resolve } from 'node:path';
import * as Flags from '@oclif/core/flags';

export const sshFlags = {
  'accept-new-host-keys': Flags.boolean({
    description: 'Trust machines that are not known yet; a changed host key is refused all the same',
  }),
};

export const configFlag = {
  config: Flags.string({ char: 'c', description: 'Another file than the usual hives.conf', helpValue: '<file>' }),
};

export const hivesFlag = {
  hive: Flags.string({
    char: 'H',
    multiple: true,
    multipleNonGreedy: true,
    description: 'Only this hive; may be given several times',
  }),
};

export const changeFlags = {
  'dry-run': Flags.boolean({ char: 'n', description: 'Only show what would be done' }),
  parallel: Flags.integer({ char: 'p', min: 1, max: 1_000, description: 'How many steps run at once' }),
  'take-over': Flags.boolean({
    description: 'Although another sync says that it works on the machine: take its place',
  }),
};

export interface SshInput {
  agent?: string;
  acceptNewHostKeys?: true;
}

/** The queen reaches machines on behalf of whoever asks: with their agent, as far as they trust the machines. */
export const sshInput = (flags: { 'accept-new-host-keys'?: boolean }, env: NodeJS.ProcessEnv): SshInput => {
  const agent = env['SSH_AUTH_SOCK'];
  return {
    ...(agent !== undefined && isAbsolute(agent) && { agent }),
    ...(flags['accept-new-host-keys'] && { acceptNewHostKeys: true }),
  };
};

/** The queen does not know where the command was typed. */
export const configInput = (file: string | undefined, cwd: string): string | undefined =>
  file === undefined ? undefined : resolve(cwd, file);
