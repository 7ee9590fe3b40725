/** A check of the examination: a row that says what must hold, and how to find out. */
import type { Ability } from './abilities.ts';
import type { PluginUnderTest } from './plugin-under-test.ts';

/** The areas in the order in which they are examined and shown. */
export const areas = {
  identity: 'Identity',
  manifest: 'Manifest',
  purity: 'Purity',
  variants: 'Variants and devices',
  binaries: 'Binary resolution',
  options: 'Options',
  serving: 'What it serves',
  command: 'Command line',
  secrets: 'Secrets and environment',
  health: 'Health',
  stop: 'Stopping',
  probes: 'Probes',
  devices: 'Its own device kinds',
  files: 'File selection',
  estimate: 'Memory estimate',
  diagnose: 'Diagnosis',
  load: 'Load',
  life: 'Lifecycle',
} as const;

export type Area = keyof typeof areas;

export interface Check {
  /** Stable: `command.api-key`. Its first part is the area. */
  id: `${Area}.${string}`;
  /** A sentence about the worker type that is true when the check passes. */
  title: string;
  /** Abilities that the type must declare for the check to run. */
  needs?: readonly Ability[];
  /** Throws when the sentence is not true. */
  check(plugin: PluginUnderTest): void | Promise<void>;
}

export const areaOf = ({ id }: Pick<Check, 'id'>): Area => id.slice(0, id.indexOf('.')) as Area;
