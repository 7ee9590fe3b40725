/** The SSH target of a declared hive, including the hives that it jumps through. */
import { jumpsOf } from '../../config/hives-conf.ts';
import type { HiveDeclaration } from '../../contract/api/sync.ts';
import { parseJumps } from '../../ssh/resolve-target.ts';
import type { SshTarget } from '../../ssh/target.ts';

/**
 * `all` are the declarations of the same file, because a jump may name another alias. The file is checked for cycles
 * before.
 */
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
