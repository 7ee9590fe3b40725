/** Why a server cannot listen at the address given in rbee.conf. */
import type { RbeeConfig } from '../config/rbee-conf.ts';
import { RbeeError } from '../contract/errors.ts';

/** PORT_TAKEN or CONFIG_INVALID; `conf` is the path of rbee.conf. */
export const listenProblem = (
  thrown: unknown,
  { bind, port }: Pick<RbeeConfig['queen'], 'bind' | 'port'>,
  conf: string,
): RbeeError => {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const options = { cause: thrown };
  if (code === 'EADDRINUSE') return RbeeError.of('PORT_TAKEN', { port }, options);
  const [reason, hint] = reasons[code ?? ''] ?? [message, 'choose another bind or port under [queen]'];
  const problem = `the queen cannot listen on ${bind} port ${port}: ${reason}`;
  return RbeeError.of('CONFIG_INVALID', { file: conf, line: 1, column: 1, problem, hint }, options);
};

const reasons: Record<string, readonly [reason: string, hint: string]> = {
  EACCES: ['only root may use that port', 'choose a port from 1024 on under [queen]'],
  EADDRNOTAVAIL: ['this machine has no such address', 'use bind = "127.0.0.1" under [queen]'],
};
