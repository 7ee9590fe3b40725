/** Plugins as data: requests and views. */
import Type, { type Static } from 'typebox';

const name = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Worker type, npm package with or without a version (name@^1), tarball, folder or git address',
});
const offline = Type.Optional(Type.Boolean({ description: 'Use only what is already downloaded' }));
const scripts = Type.Optional(Type.Boolean({ description: 'Run the install scripts of the packages' }));
const strict = { additionalProperties: false } as const;
const text = Type.String({ maxLength: 4096 });

/** Identifies a plugin in an archive that was packed for one platform. */
export const deliveredPlugin = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 214 }),
  version: Type.String({ minLength: 1, maxLength: 128 }),
  integrity: Type.String({
    pattern: '^sha512-[A-Za-z0-9+/]+=*$',
    description: 'Of the packed package, or of its contents if it was never packed',
  }),
  variants: Type.Array(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' }), { minItems: 1, maxItems: 100 }),
  platform: Type.Object({ os: text, cpu: text, libc: Type.Optional(text) }),
  root: Type.String({
    pattern: '^(plugin|node_modules/(@[A-Za-z0-9~-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*)$',
    description: 'Path of its own package in the archive',
  }),
  tag: Type.Optional(text),
  registry: Type.Union([text, Type.Null()]),
  publisher: Type.Object({ id: text, account: Type.Union([text, Type.Null()]) }),
  signature: Type.Object({
    state: Type.Union([Type.Literal('verified'), Type.Literal('none')]),
    provenance: Type.Union([text, Type.Null()]),
    note: Type.Union([text, Type.Null()]),
  }),
});
export type DeliveredPlugin = Static<typeof deliveredPlugin>;

/** Identifies a program: the one that a variant with these options uses for a model of this format. */
export const programRequest = Type.Object(
  {
    plugin: name,
    variant: Type.String({ maxLength: 64, description: 'Build of the type' }),
    options: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Options of the worker' })),
    format: Type.Optional(Type.String({ maxLength: 64, description: 'Format of the model that it is to load' })),
  },
  strict,
);

/** Requests to a hive; the queen adds the hive. */
export const pluginRequests = {
  install: Type.Object(
    {
      plugin: name,
      variant: Type.Optional(
        Type.String({ maxLength: 64, description: 'Build of the type; default: the best one for that machine' }),
      ),
      yes: Type.Optional(Type.Boolean({ description: 'Trust its publisher without asking' })),
      accepted: Type.Optional(
        Type.String({
          maxLength: 512,
          description: 'The identity of the package that was confirmed, as given in the error',
        }),
      ),
      scripts,
      offline,
      force: Type.Optional(
        Type.Boolean({ description: 'Reinstall, or replace another plugin that provides its type' }),
      ),
    },
    strict,
  ),
  uninstall: Type.Object(
    { plugin: name, force: Type.Optional(Type.Boolean({ description: 'Stop its workers first' })) },
    strict,
  ),
  update: Type.Object(
    {
      plugins: Type.Optional(Type.Array(name, { maxItems: 1_000, description: 'Default: all' })),
      dryRun: Type.Optional(Type.Boolean({ description: 'Only return what would change' })),
      scripts,
      offline,
    },
    strict,
  ),
  link: Type.Object(
    { folder: Type.String({ minLength: 1, maxLength: 4096, description: 'Folder of a plugin' }) },
    strict,
  ),
  inspect: Type.Object({ plugin: name, offline }, strict),
  search: Type.Object(
    { text: Type.Optional(Type.String({ maxLength: 200, description: 'Words to look for' })), offline },
    strict,
  ),
  prune: Type.Object(
    {
      all: Type.Optional(Type.Boolean({ description: 'Also the versions that the last updates replaced' })),
      dryRun: Type.Optional(Type.Boolean({ description: 'Only return what would be removed' })),
    },
    strict,
  ),
  list: Type.Object({}, strict),
  import: Type.Object(
    {
      archive: Type.String({ minLength: 1, maxLength: 4096, description: 'Absolute path on the machine of the hive' }),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      entry: deliveredPlugin,
    },
    strict,
  ),
  prepare: programRequest,
} as const;

export type PluginAction = keyof typeof pluginRequests;
export type PluginRequestOf<Action extends PluginAction> = Static<(typeof pluginRequests)[Action]>;

/** A plugin in a hive's index. */
export interface PluginView {
  /** npm package. */
  name: string;
  version: string;
  source: 'installed' | 'link';
  types: readonly string[];
  variants: readonly string[];
  /** Installed variants; others are installed when a worker needs them. */
  installed: readonly string[];
  /** The variants whose packages' install scripts were run. Absent: none. */
  scripts?: readonly string[];
  root: string;
  /** `sha512-…` of the packed package; null for a linked folder. */
  integrity: string | null;
  publisher: string | null;
  registry: string | null;
  /** Range or tag that updates follow; null if it is not updated. */
  follows: string | null;
  /** The version that the last update replaced. */
  previous: string | null;
  /** Whether this request changed anything. */
  changed: boolean;
}

export interface PluginUpdate {
  name: string;
  from: string;
  to: string;
  changed: boolean;
  /** Why nothing changed, or the error. */
  note?: string;
  failed?: boolean;
}

export interface PluginPrune {
  /** Removed plugin folders, relative to the catalog. */
  removed: readonly string[];
  /** Removed engine programs, by the name of their installation. */
  programs: readonly string[];
  /** Removed downloads, by SHA-256. */
  downloads: readonly string[];
  /** Bytes freed on disk; with `dryRun`, bytes that would be freed. */
  bytes: number;
}

/** A variant's program, installed and ready to run. */
export interface PreparedProgram {
  type: string;
  variant: string;
  /** Id of the type's source that it comes from. */
  source: string;
  /** Absolute path. */
  program: string;
}

/** A plugin in a registry. */
export interface PluginHit {
  name: string;
  version: string;
  description: string;
  license: string | null;
  publisher: string;
  types: readonly { type: string; variants: readonly string[]; serves: readonly string[] }[];
}

/**
 * A plugin in detail. Facts that only its code can provide are null until it is installed: before that, none of its
 * code runs.
 */
export interface PluginDetails {
  name: string;
  version: string;
  description: string;
  license: string | null;
  publisher: string | null;
  registry: string | null;
  integrity: string | null;
  signature: string;
  /** Null: not installed on this hive. */
  source: 'installed' | 'link' | 'development' | null;
  root: string | null;
  types: readonly PluginTypeDetails[];
}

export interface PluginTypeDetails {
  type: string;
  aliases: readonly string[];
  summary: string;
  serves: readonly string[];
  variants: readonly { id: string; installed: boolean; fits: boolean | null; reasons: readonly string[] }[];
  /** A `type` of `secret` takes `secret:NAME`. */
  options: readonly { name: string; type: string; default: unknown; description: string }[] | null;
  /** Environment variables that users may set for the engine. Absent from older hives. */
  environment?: readonly string[];
}

export interface PluginResults {
  install: PluginView;
  uninstall: PluginView;
  update: { updates: readonly PluginUpdate[] };
  link: PluginView;
  inspect: PluginDetails;
  search: { plugins: readonly PluginHit[] };
  prune: PluginPrune;
  list: { plugins: readonly PluginView[] };
  import: PluginView;
  prepare: PreparedProgram;
}
