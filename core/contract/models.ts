/** Models as data: what a hive is asked for, and what is shown. */
import Type, { type Static } from 'typebox';

/** Longest model reference. */
export const longestReference = 4_096;

const model = Type.String({
  minLength: 1,
  maxLength: longestReference,
  description: 'Model reference, or the name under which the model is served',
});
const strict = { additionalProperties: false } as const;

/** Named components of a model beside the main one: `{ mmproj: 'hf:org/repo:mmproj.gguf' }`. */
export const modelComponents = Type.Record(
  Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
  Type.String({ minLength: 1, maxLength: longestReference }),
  { description: 'Additional model components by name, each a model reference' },
);

const download = {
  model: Type.String({
    minLength: 1,
    maxLength: longestReference,
    description:
      'hf:org/repo[:file-or-quantization][@revision], https://…[#sha256=…], or file:/path on the hive; the query of an address is sent, but never stored',
  }),
  type: Type.Optional(
    Type.String({ maxLength: 64, description: 'Worker type that will load the model; it chooses the files' }),
  ),
  options: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'Options of that type that affect which files it needs',
    }),
  ),
  component: Type.Optional(
    Type.String({ maxLength: 64, description: 'Component of a model of that type, such as vae' }),
  ),
  update: Type.Optional(Type.Boolean({ description: 'Check for a newer revision of a downloaded model' })),
} as const;

const textOrNull = Type.Union([Type.String({ maxLength: longestReference }), Type.Null()]);

/** The files that the source of a model has, as seen by a machine that can reach it. */
export const modelOffer = Type.Object(
  {
    commit: textOrNull,
    files: Type.Array(
      Type.Object({
        path: Type.String({ minLength: 1, maxLength: longestReference }),
        bytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
        sha256: Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()]),
        git: textOrNull,
      }),
      { maxItems: 100_000 },
    ),
  },
  { description: 'What its source has, where the hive cannot see that itself' },
);
export type ModelOffer = Static<typeof modelOffer>;

/** What a hive is asked for; the queen adds which hive. */
export const modelRequests = {
  download: Type.Object(download, strict),
  offer: Type.Object({ ...download, offer: modelOffer }, strict),
  list: Type.Object({}, strict),
  get: Type.Object({ model }, strict),
  delete: Type.Object({ model }, strict),
  verify: Type.Object({ model: Type.Optional(model) }, strict),
  gc: Type.Object(
    { dryRun: Type.Optional(Type.Boolean({ description: 'Only return what would be removed' })) },
    strict,
  ),
} as const;

export type ModelAction = keyof typeof modelRequests;
export type ModelRequestOf<Action extends ModelAction> = Static<(typeof modelRequests)[Action]>;

/** A file of a model. */
export interface ModelFile {
  /** Relative to the repository's root; the whole path of a `file:` model. */
  path: string;
  bytes: number;
  /** Null where it was never hashed. */
  sha256: string | null;
}

/** What the header of a GGUF file says; null where it does not. */
export interface GgufView {
  architecture: string | null;
  /** Number of parameters. */
  parameters: number | null;
  /** Tokens of context that it was trained for. */
  contextLength: number | null;
  quantization: string | null;
  /** Does it bring the template of a chat? */
  chatTemplate: boolean;
}

/** A model that a hive knows. */
export interface ModelView {
  hive: string;
  /** Reference under which it was asked for. */
  model: string;
  /** Name under which it is served unless another is given. */
  name: string;
  source: 'hf' | 'https' | 'file';
  /** The commit that its revision meant when it was downloaded. */
  commit: string | null;
  format: string | null;
  /** Bytes of the complete files. */
  bytes: number;
  /** Bytes of all files that were asked for; more than `bytes` while a download is not complete. */
  wantedBytes: number;
  /** Whether all its files are complete. */
  complete: boolean;
  /** Bytes of partial files. */
  begunBytes: number;
  /** Whether it is being downloaded. */
  downloading: boolean;
  /** The path given to engines: a file or a folder. */
  path: string | null;
  gguf: GgufView | null;
  /** Ids of the workers that were started from it, also of stopped ones. */
  workers: readonly string[];
  /** When it was first requested; ISO 8601. */
  addedAt: string | null;
  /** Whether this request changed anything. */
  changed: boolean;
}

export interface ModelDetails extends ModelView {
  files: readonly ModelFile[];
}

export interface ModelVerification {
  model: string;
  /** Files that were read, and their bytes. */
  files: number;
  bytes: number;
  /** What is missing or damaged. Damaged files are removed; the next download brings them again. */
  problems: readonly { path: string; problem: string }[];
}

export interface ModelCollection {
  /** What went, or would go: paths below the folder of the models, and references of downloads that were given up. */
  removed: readonly { path: string; bytes: number; why: string }[];
  bytes: number;
}

/** A file of an offer that a hive lacks. Its size, its hash and its place are in the offer, and not a hive's to name. */
export interface NeededModelFile {
  path: string;
}

export interface ModelResults {
  download: ModelDetails;
  /** Files of the offer that are missing, in its order. The hive keeps the offer: its next download needs no network. */
  offer: { files: readonly NeededModelFile[] };
  list: { models: readonly ModelView[] };
  get: ModelDetails;
  delete: ModelView;
  verify: { models: readonly ModelVerification[] };
  gc: ModelCollection;
}
