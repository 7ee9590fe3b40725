/** Options and requests of the installer. */
import type { Narrate } from '../../contract/api/narration.ts';
import type { PluginRequestOf } from '../../contract/plugins.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { TreeTarget } from '../tree/npm-tree.ts';
import type { TreeLimits } from '../tree/tree-watch.ts';

/** What plugin management needs to know about a machine. */
export interface StoreOptions {
  /** Data and config folder. */
  data: string;
  config: string;
  /** The platform of this machine. */
  target: () => Promise<TreeTarget>;
  /** Plugin folders in run records, of all machines that share the data folder. */
  rootsInUse: () => Promise<readonly string[]>;
  /** Called after the index has changed. */
  onChange: () => Promise<void>;
}

export interface InstallerOptions extends StoreOptions {
  /** Alias of the hive, for errors. */
  hive: string;
  cache: string;
  env: NodeJS.ProcessEnv;
  /** `[registry]` of rbee.conf. */
  registry: { url: string | null; allowedScopes: readonly string[] };
  /** The best variant for this machine. */
  chooseVariant: (types: readonly WorkerTypeHandle[], narrate: Narrate) => Promise<string>;
  /** Maximum size of a plugin's tree. Absent: the default limits. */
  limits?: TreeLimits;
}

export type InstallRequest = PluginRequestOf<'install'>;

export interface UpdateRequest {
  dryRun?: boolean;
  offline?: boolean;
  scripts?: boolean;
}

export interface Call {
  signal: AbortSignal;
  narrate: Narrate;
}
