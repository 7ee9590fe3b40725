/** Reads stdin into memory, up to a limit. */
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes } from '../../narration/quantities.ts';

/** Errors: FILE_TOO_LARGE, as soon as the limit is passed; stdin is then closed, so that the writer stops. */
export const readStdin = async (maxBytes: number, stdin: NodeJS.ReadableStream = process.stdin): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge('stdin', maxBytes);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
};

export const tooLarge = (path: string, maxBytes: number): RbeeError =>
  RbeeError.of('FILE_TOO_LARGE', { path, limit: formatBytes(maxBytes) });
