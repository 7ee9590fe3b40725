/** Can another user of this machine change what rbee does, or impersonate it? */
import type { Paths } from '../../config/paths.ts';
import { checkSocket, findingError, homeFindings } from '../../config/private-places.ts';
import { RbeeError } from '../../contract/errors.ts';
import { type Check, fail, ok, warn } from './check.ts';

export const checkOthers = (paths: Paths): Check[] => {
  const wrong = [
    ...homeFindings(paths).map((finding) => {
      const { message, hint } = findingError(finding);
      return finding.isSevere ? fail(name, message, hint) : warn(name, message, hint);
    }),
    ...[paths.queenSocket, paths.hiveSocket].flatMap(socketCheck),
  ];
  const isFirst = ({ text }: Check, index: number) => wrong.findIndex((other) => other.text === text) === index;
  return wrong.length === 0 ? [ok(name, 'only you can change the files and sockets of rbee')] : wrong.filter(isFirst);
};

const name = 'other users';

const socketCheck = (path: string): Check[] => {
  try {
    checkSocket(path);
    return [];
  } catch (error) {
    if (error instanceof RbeeError) return [fail(name, error.message, error.hint)];
    throw error;
  }
};
