/** What installing a program needs to know and may use. */
import type { Narrate } from '../contract/narration.ts';
import type { DownloadCache } from './download-cache.ts';

export interface BinaryContext {
  /** The plugin that names the program: its package, its folder, its version. */
  plugin: { package: string; root: string; version: string };
  /** What is installed goes below `data`, what was downloaded below `cache`. */
  folders: { data: string; cache: string };
  /** The hive's environment: where programs are looked for, and what installing tools get. */
  env: NodeJS.ProcessEnv;
  narrate: Narrate;
  signal: AbortSignal;
  fetcher: DownloadCache;
}
