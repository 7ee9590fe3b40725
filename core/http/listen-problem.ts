/** Why a server cannot listen at an address of rbee.conf. */
import type { ListenAddress } from '../config/listen-address.ts';
import { RbeeError } from '../contract/errors.ts';

/** PORT_TAKEN or CONFIG_INVALID; `conf` is the path of rbee.conf. */
export const listenProblem = (thrown: unknown, { host, port }: ListenAddress, conf: string): RbeeError => {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const options = { cause: thrown };
  if (code === 'EADDRINUSE') return RbeeError.of('PORT_TAKEN', { port }, options);
  const [reason, hint] = reasons[code ?? ''] ?? [message, 'choose another address: listen under [gateway]'];
  const problem = `the queen cannot listen on ${host} port ${port}: ${reason}`;
  return RbeeError.of('CONFIG_INVALID', { file: conf, line: 1, column: 1, problem, hint }, options);
};

const reasons: Record<string, readonly [reason: string, hint: string]> = {
  EACCES: ['only root may use that port', 'choose a port from 1024 on: listen under [gateway]'],
  EADDRNOTAVAIL: ['this machine has no such address', 'use listen = ["127.0.0.1:8500"] under [gateway]'],
};
