/** What a path is. Links are followed, and a path that cannot be examined counts as missing. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

export const exists = async (path: string): Promise<boolean> => (await statOrNull(path)) !== null;

export const isFile = async (path: string): Promise<boolean> => (await statOrNull(path))?.isFile() ?? false;

export const isFolder = async (path: string): Promise<boolean> => (await statOrNull(path))?.isDirectory() ?? false;

/** Bytes; null when it is missing. */
export const sizeOf = async (path: string): Promise<number | null> => (await statOrNull(path))?.size ?? null;

const statOrNull = (path: string): Promise<Stats | null> => stat(path).catch(() => null);
