/** The manifest of a plugin: the worker types in its package.json, read without running any of its code. */

import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { readSmallFile } from '../boundary/small-file.ts';
import { kindPattern, reservedKinds } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import { isSafePath, plainPath } from '../contract/safe-path.ts';
import { workerTypeApiVersion } from '../contract/worker-type/api-version.ts';

const typeName = '^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$';
/** `{name}` matches a segment, a trailing `/*` everything below. */
export const servedPathPattern =
  '^(?:/(?:[A-Za-z0-9._~-]+|\\{[A-Za-z_][A-Za-z0-9_]{0,63}\\}))+/?(?:/\\*)?$|^/(?:\\*)?$';
const servedPath = Type.String({ pattern: servedPathPattern, maxLength: 200 });

const workerTypeEntry = Type.Object({
  entry: Type.String({ minLength: 1 }),
  aliases: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,40}$' }), { maxItems: 64 })),
  summary: Type.Optional(Type.String({ maxLength: 300 })),
  serves: Type.Array(servedPath, { minItems: 1, maxItems: 256 }),
  /** Kinds of device that it provides. */
  devices: Type.Optional(Type.Array(Type.String({ pattern: kindPattern }), { maxItems: 16 })),
  variants: Type.Array(Type.String({ pattern: typeName }), { minItems: 1, maxItems: 128 }),
});

const packageJson = Type.Object({
  name: Type.String({ pattern: '^(@[a-z0-9-~][a-z0-9-._~]*/)?[a-z0-9-~][a-z0-9-._~]*$', maxLength: 214 }),
  version: Type.String({ pattern: '^\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?$', maxLength: 128 }),
  description: Type.Optional(Type.String()),
  license: Type.Optional(Type.Unknown()),
  rbee: Type.Object({
    api: Type.Unknown(),
    workerTypes: Type.Record(Type.String(), workerTypeEntry),
  }),
});

export interface WorkerTypeManifest extends Static<typeof workerTypeEntry> {
  name: string;
}

export interface PluginManifest {
  /** npm package name and version. */
  package: string;
  version: string;
  description: string;
  license?: string | null;
  /** Absolute folder of the package. */
  root: string;
  workerTypes: readonly WorkerTypeManifest[];
}

/** Paths reserved for queen and workers; no worker type may serve them. */
const reserved = [
  '/health',
  '/metrics',
  '/v1/models',
  '/v1/jobs',
  '/v1/workers',
  '/v1/hives',
  '/v1/status',
  '/v1/catalog',
  '/v1/operations',
];

/** A pattern with this prefix would include them. */
const anySegment = /^\/(v1\/)?(\*|\{)/;

/** Reads the manifest of the package in `root`. Errors: PLUGIN_INVALID, PLUGIN_API_VERSION. */
export const readManifest = async (root: string): Promise<PluginManifest> => {
  const file = join(root, 'package.json');
  const invalid = (problem: string, cause?: unknown) =>
    RbeeError.of('PLUGIN_INVALID', { plugin: root, problem }, { cause });
  let json: unknown;
  try {
    json = JSON.parse(await readSmallFile(file));
  } catch (error) {
    throw invalid(`its package.json cannot be read (${(error as Error).message})`, error);
  }
  // Another version may have another shape, so check the version first.
  checkApiVersion(json, root);
  if (!Check(packageJson, json)) {
    const first = [...Errors(packageJson, json)][0];
    throw invalid(
      `its package.json ${first ? `has a wrong ${first.instancePath || 'shape'}: ${first.message}` : 'is wrong'}`,
    );
  }
  const workerTypes = Object.entries(json.rbee.workerTypes).map(([name, entry]) => checkEntry(json.name, name, entry));
  if (workerTypes.length === 0) throw invalid('it does not list a worker type');
  return {
    package: json.name,
    version: json.version,
    description: json.description ?? '',
    license: typeof json.license === 'string' ? json.license : null,
    root,
    workerTypes,
  };
};

/** An impossible version is reported by the schema check. */
const checkApiVersion = (json: unknown, root: string): void => {
  const { name, rbee } = (json ?? {}) as { name?: unknown; rbee?: { api?: unknown } | null };
  const theirs = rbee?.api;
  if (theirs === undefined || theirs === workerTypeApiVersion) return;
  const newer = typeof theirs === 'number' && theirs > workerTypeApiVersion;
  throw RbeeError.of('PLUGIN_API_VERSION', {
    plugin: typeof name === 'string' ? name : root,
    theirs: JSON.stringify(theirs).slice(0, 40),
    ours: workerTypeApiVersion,
    hint: newer ? 'update rbee, or use an older version of the plugin' : 'use a newer version of the plugin',
  });
};

const checkEntry = (plugin: string, name: string, entry: Static<typeof workerTypeEntry>): WorkerTypeManifest => {
  const invalid = (problem: string) =>
    RbeeError.of('PLUGIN_INVALID', { plugin, problem: `worker type "${name}": ${problem}` });
  if (!new RegExp(typeName).test(name)) throw invalid('a name may only have lower-case letters, digits and dashes');
  // Such a name is a property of every object, so lookups would find it where nothing was stored.
  const inherited = [name, ...(entry.aliases ?? []), ...entry.variants].find((one) => one in {});
  if (inherited !== undefined) throw invalid(`${inherited} is not allowed as a name`);
  if (!isSafePath(plainPath(entry.entry))) throw invalid('its entry is outside the package');
  const taken = entry.devices?.find((kind) => reservedKinds.includes(kind));
  if (taken !== undefined) throw invalid(`the device kind ${taken} is reserved for rbee`);
  const twice = entry.serves.find((path, index) => entry.serves.indexOf(path) !== index);
  if (twice !== undefined) throw invalid(`it lists ${twice} twice`);
  for (const path of entry.serves) {
    if (anySegment.test(path) || reserved.some((own) => path === own || path.startsWith(`${own}/`)))
      throw invalid(`${path} is reserved for rbee`);
  }
  return { ...entry, name };
};
