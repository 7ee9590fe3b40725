/** Operations on keys, and the audit log. */
import { RbeeError } from '../../contract/errors.ts';
import type { KeyRing } from '../../gateway/access/key-ring.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Handler } from './services.ts';

export interface KeyDeps {
  keys: KeyRing;
  audit: AuditLog;
}

export const createKey =
  ({ keys }: KeyDeps): Handler<'key_create'> =>
  async (input) => {
    if (input.scope === 'admin' && (input.models ?? input.hives) !== undefined)
      throw invalid(
        'a key with scope admin cannot be limited to models or hives, because it may change all of them',
        'choose the scope infer or operate',
      );
    if (input.scope === 'operate' && input.models !== undefined)
      throw invalid(
        'a key with scope operate cannot be limited to models, because operations see and change workers of all models',
        'limit it to hives, or choose the scope infer',
      );
    if (input.name === 'owner') throw invalid('owner is the name of this user in the audit', 'choose another name');
    if (input.expiresAt !== undefined && !(Date.parse(input.expiresAt) > Date.now()))
      throw invalid('expiresAt is not in the future', 'give a later time, or leave it out');
    return keys.create(input);
  };

export const listKeys =
  ({ keys }: KeyDeps): Handler<'key_list'> =>
  async () => ({ keys: keys.list() });

export const revokeKey =
  ({ keys }: KeyDeps): Handler<'key_revoke'> =>
  ({ key }) =>
    keys.revoke(key);

export const rotateKey =
  ({ keys }: KeyDeps): Handler<'key_rotate'> =>
  ({ key, hash, graceSeconds }) =>
    keys.rotate(key, hash, graceSeconds);

export const listAudit =
  ({ audit }: KeyDeps): Handler<'audit_list'> =>
  async (input) => ({ entries: await audit.list(input) });

const invalid = (problem: string, hint: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', { what: 'key_create', problem, hint });
