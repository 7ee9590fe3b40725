/** Who sent a request. */
import { type AccessKey, includesScope, type Scope } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';

export interface Caller {
  scope: Scope;
  /** For messages, log lines and the audit: `key laptop`, `a program on this machine`, `owner`. */
  name: string;
  /** Address of the client; `socket` for this user's own socket. */
  from: string;
  /** Absent for a program on this machine that needs no key. */
  key?: AccessKey;
}

/** Only the user that the queen belongs to can connect to its socket. */
export const owner: Caller = { scope: 'admin', name: 'owner', from: 'socket' };

export const localProgram = (from: string): Caller => ({ scope: 'infer', name: 'a program on this machine', from });

/** The part of a key that limits what its requests may see and use; undefined for no limit. */
export interface Grant {
  /** Canonical names of models: the first name of their workers. */
  models?: readonly string[];
  hives?: readonly string[];
}

export const grantOf = ({ key }: Pick<Caller, 'key'>): Grant | undefined =>
  key?.models || key?.hives ? key : undefined;

/** Throws SCOPE_MISSING, and KEY_REQUIRED for a program on this machine that has no key. */
export const requireScope = (caller: Caller | null, needed: Scope, what: string): Caller => {
  if (caller && includesScope(caller.scope, needed)) return caller;
  if (caller?.key) {
    const details = { what, needed, who: caller.name, granted: caller.scope };
    throw RbeeError.of('SCOPE_MISSING', details);
  }
  throw RbeeError.of('KEY_REQUIRED', { reason: `${what} is not open to every program`, scope: needed });
};
