/** Worker types for hives on other machines: built here for their platform, uploaded once, taken in by the hive. */
import type { RemoteCall, RemoteHive } from './remote-hive.ts';

export interface DeliveryRequest {
  /** npm package, or the name of a type. */
  plugin: string;
  /** Exact, a range or a tag; what the lock says when absent. */
  version?: string;
  integrity?: string | null;
  /** Null takes the best one for the machine. */
  variant: string | null;
  offline?: boolean;
  force?: boolean;
}

export interface ResolveCall {
  signal: AbortSignal;
  offline?: boolean;
  /** Not what the lock says, but the newest within the range. */
  update?: boolean;
}

export interface Delivery {
  /** What a range of a type means now: by the lock, else by the registry. A plugin that is worked on here is as it is. */
  resolve(
    type: string,
    range: string,
    call: ResolveCall,
  ): Promise<{ package: string; version: string; integrity: string | null }>;
  /** What is there already is left as it is. */
  bring(hive: RemoteHive, request: DeliveryRequest & { type?: string }, call: RemoteCall): Promise<void>;
}
