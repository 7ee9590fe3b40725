/** Flags shared by the commands for machines, and how they are passed to the queen. */
import { isAbsolute } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { absolutePath } from '../absolute-path.ts';

export const sshFlags = {
  'accept-new-host-keys': Flags.boolean({
    description: 'Trust the host keys of new machines; changed host keys are still refused',
  }),
};

export const configFlag = {
  config: Flags.string({
    char: 'c',
    description: 'Use this file instead of the default hives.conf',
    helpValue: '<file>',
  }),
};

export const hivesFlag = {
  hive: Flags.string({
    char: 'H',
    multiple: true,
    multipleNonGreedy: true,
    description: 'Only this hive; can be repeated',
    helpValue: '<alias>',
  }),
};

export const changeFlags = {
  'dry-run': Flags.boolean({ char: 'n', description: 'Only show the plan' }),
  parallel: Flags.integer({ char: 'p', min: 1, max: 1_000, description: 'Number of steps to run at once' }),
  'take-over': Flags.boolean({
    description: 'Take over from another sync that has locked the machine',
  }),
};

export interface SshInput {
  agent?: string;
  acceptNewHostKeys?: true;
}

/** The queen connects to machines on behalf of the user: with their SSH agent, and their trust in host keys. */
export const sshInput = (flags: { 'accept-new-host-keys'?: boolean }, env: NodeJS.ProcessEnv): SshInput => {
  // A queen elsewhere cannot reach the agent of this machine.
  const agent = env['RBEE_QUEEN'] ? undefined : env['SSH_AUTH_SOCK'];
  return {
    ...(agent !== undefined && isAbsolute(agent) && { agent }),
    ...(flags['accept-new-host-keys'] && { acceptNewHostKeys: true }),
  };
};

/** Resolved here, because the queen runs in another folder. */
export const configInput = (file: string | undefined, cwd: string | undefined): string | undefined =>
  file === undefined ? undefined : absolutePath(file, cwd);
