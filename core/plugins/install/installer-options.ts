/** What the installer is given, and what is asked of it. */
import type { Narrate } from '../../contract/narration.ts';
import type { PluginRequestOf } from '../../contract/plugins.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { TreeTarget } from '../tree/npm-tree.ts';
import type { TreeLimits } from '../tree/tree-watch.ts';

/** What keeping plugins needs to know of a machine. */
export interface StoreOptions {
  /** Data and config folder. */
  data: string;
  config: string;
  /** The platform of this machine. */
  target: () => Promise<TreeTarget>;
  /** Plugin folders that run records name, on every machine that shares the data folder. */
  rootsInUse: () => Promise<readonly string[]>;
  /** The index has changed. */
  onChange: () => Promise<void>;
}

export interface InstallerOptions extends StoreOptions {
  /** Alias of the hive, for errors. */
  hive: string;
  cache: string;
  env: NodeJS.ProcessEnv;
  /** `[registry]` of rbee.conf. */
  registry: { url: string | null; allowedScopes: readonly string[] };
  /** The variant that suits this machine best. */
  chooseVariant: (types: readonly WorkerTypeHandle[], narrate: Narrate) => Promise<string>;
  /** The most that the tree of a plugin may take; the usual when absent. */
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
