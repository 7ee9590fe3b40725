/** Where the machine of a declaration is found, by way of the others that it names. */
import { jumpsOf } from '../../config/hives-conf.ts';
import type { HiveDeclaration } from '../../contract/sync.ts';
import { parseJumps } from '../../ssh/resolve-target.ts';
import type { SshTarget } from '../../ssh/target.ts';

/** `all` are the declarations of the same file: jumps may be named by alias. The file has no cycles among them. */
export const targetOf = (hive: HiveDeclaration, all: readonly HiveDeclaration[]): SshTarget => {
  const { alias, hostname, sshUser, sshPort, identityFile, proxyJump } = hive;
  return {
    alias,
    hostname,
    ...(sshUser !== null && { user: sshUser }),
    ...(sshPort !== null && { port: sshPort }),
    ...(identityFile !== null && { identityFile }),
    ...(proxyJump !== null && { jumps: jumpsOf(hive).flatMap((jump) => jumpTargets(jump, all)) }),
  };
};

const jumpTargets = (jump: string, all: readonly HiveDeclaration[]): SshTarget[] => {
  const declared = all.find(({ alias }) => alias === jump);
  if (!declared) return parseJumps(jump);
  const { jumps = [], ...target } = targetOf(declared, all);
  return [...jumps, target];
};
