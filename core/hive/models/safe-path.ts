/** Names from outside that become files inside a folder. */

/** A relative path of plain segments that any file system takes and that leads nowhere else. */
export const isSafePath = (path: string): boolean =>
  path.length <= longestPath &&
  path.isWellFormed() &&
  !/[\\\p{Cc}]/u.test(path) &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 240);

const longestPath = 1_000;
