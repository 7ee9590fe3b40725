/** Inputs and tools for installing a program. */
import type { Narrate } from '../contract/api/narration.ts';
import type { DownloadCache } from './download-cache.ts';

export interface BinaryContext {
  /** The plugin that declares the program. */
  plugin: { package: string; root: string; version: string };
  /** Installed programs go below `data`, downloads below `cache`. */
  folders: { data: string; cache: string };
  /** The hive's environment: for PATH lookups and for npm, uv and pip. */
  env: NodeJS.ProcessEnv;
  narrate: Narrate;
  signal: AbortSignal;
  fetcher: DownloadCache;
}
