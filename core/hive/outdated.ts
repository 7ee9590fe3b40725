/** What is said of a hive of an older build, which does not know all that this queen asks for. */
import { localAlias } from '../config/hive-entry.ts';
import { RbeeError } from '../contract/errors.ts';

export const outdated = (hive: string, action: string, cause: unknown): RbeeError => {
  const command = hive === localAlias ? `rbee hive restart ${hive}` : `rbee sync --hive ${hive}`;
  return RbeeError.of('HIVE_OUTDATED', { hive, action, command }, { cause });
};
