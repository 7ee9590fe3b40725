/**
 * Removes secrets from a log file in place, after its writer has ended. Each value is replaced by its name and
 * asterisks of the same length, so that offsets into the file stay valid.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { secretReference } from '../contract/secret-reference.ts';
import { rotated } from '../lifecycle/logs/reader.ts';
import { keptLogs } from '../lifecycle/logs/rotation.ts';
import type { Redactor } from './redaction.ts';

/** The log and its rotated pieces. Does nothing where there are none. */
export const scrubLog = async (file: string, redactor: Redactor): Promise<void> => {
  const written = redactor.written().map(({ form, name }): Written => [Buffer.from(form), name]);
  if (written.length === 0) return;
  const pieces = Array.from({ length: keptLogs }, (_, index) => rotated(file, index + 1));
  for (const path of [file, ...pieces]) await scrubFile(path, written);
};

type Written = readonly [form: Buffer, name: string];

const blockBytes = 256 * 1024;

const scrubFile = async (path: string, written: readonly Written[]): Promise<void> => {
  const handle = await openIfThere(path);
  if (handle === null) return;
  try {
    // A value may span two blocks, so the end of each is searched again with the next.
    const overlap = Math.max(...written.map(([form]) => form.length)) - 1;
    const block = Buffer.alloc(blockBytes + overlap);
    for (let offset = 0; ; offset += blockBytes) {
      const { bytesRead } = await handle.read(block, 0, block.length, offset);
      if (bytesRead === 0) return;
      await scrubBlock(handle, block.subarray(0, bytesRead), offset, written);
      if (bytesRead < block.length) return;
    }
  } finally {
    await handle.close();
  }
};

const scrubBlock = async (
  handle: FileHandle,
  block: Buffer,
  offset: number,
  written: readonly Written[],
): Promise<void> => {
  for (const [form, name] of written) {
    for (let at = block.indexOf(form); at !== -1; at = block.indexOf(form, at + form.length)) {
      const cover = coverOf(name, form.length);
      cover.copy(block, at);
      await handle.write(cover, 0, cover.length, offset + at);
    }
  }
};

/** `secret:token****`, or only asterisks where that is too long. */
const coverOf = (name: string, length: number): Buffer => {
  const reference = secretReference(name);
  return Buffer.from(reference.length <= length ? reference.padEnd(length, '*') : '*'.repeat(length));
};

const openIfThere = async (path: string): Promise<FileHandle | null> => {
  try {
    return await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};
