/** Models as data: requests to a hive, and views. */
import Type, { type Static } from 'typebox';

export const maxReferenceLength = 4_096;

const model = Type.String({
  minLength: 1,
  maxLength: maxReferenceLength,
  description: 'Model reference, or the name under which the model is served',
});
const strict = { additionalProperties: false } as const;

/** Named components of a model in addition to the main one: `{ mmproj: 'hf:org/repo:mmproj.gguf' }`. */
export const modelComponents = Type.Record(
  Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
  Type.String({ minLength: 1, maxLength: maxReferenceLength }),
  { description: 'Additional model components by name, each a model reference' },
);

const download = {
  model: Type.String({
    minLength: 1,
    maxLength: maxReferenceLength,
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

const textOrNull = Type.Union([Type.String({ maxLength: maxReferenceLength }), Type.Null()]);

/** The files that a model's source offers, as seen by a machine that can reach it. */
export const modelOffer = Type.Object(
  {
    commit: textOrNull,
    files: Type.Array(
      Type.Object({
        path: Type.String({ minLength: 1, maxLength: maxReferenceLength }),
        bytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
        sha256: Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()]),
        git: textOrNull,
      }),
      { maxItems: 100_000 },
    ),
  },
  { description: 'The files that its source offers, if the hive cannot reach the source' },
);
export type ModelOffer = Static<typeof modelOffer>;

/** Requests to a hive; the queen adds the hive. */
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
  /** Relative to the repository's root; the full path for a `file:` model. */
  path: string;
  bytes: number;
  /** Null if it was never hashed. */
  sha256: string | null;
}

/** Facts from a GGUF header; null where the header lacks them. */
export interface GgufView {
  architecture: string | null;
  /** Number of parameters. */
  parameters: number | null;
  /** Context length in tokens that it was trained for. */
  contextLength: number | null;
  quantization: string | null;
  /** Whether it contains a chat template. */
  chatTemplate: boolean;
}

/** A model that a hive knows. */
export interface ModelView {
  hive: string;
  /** The reference by which it was requested. */
  model: string;
  /** The name under which it is served by default. */
  name: string;
  source: 'hf' | 'https' | 'file';
  /** The commit that its revision pointed to when it was downloaded. */
  commit: string | null;
  format: string | null;
  /** Bytes of the complete files. */
  bytes: number;
  /** Bytes of all requested files; more than `bytes` until the download is complete. */
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
  /** Ids of the workers that use it, including stopped ones. */
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
  /** Number of files read, and their total size in bytes. */
  files: number;
  bytes: number;
  /** Missing or damaged files. Damaged files are removed; the next download fetches them again. */
  problems: readonly { path: string; problem: string }[];
}

export interface ModelCollection {
  /** What was removed, or would be: paths below the models folder, and references of abandoned downloads. */
  removed: readonly { path: string; bytes: number; why: string }[];
  bytes: number;
}

/** A file of an offer that the hive does not have. Size, hash and location come from the offer, never from the hive. */
export interface NeededModelFile {
  path: string;
}

export interface ModelResults {
  download: ModelDetails;
  /**
   * Missing files of the offer, in the offer's order. The hive stores the offer, so that its next download needs no
   * network.
   */
  offer: { files: readonly NeededModelFile[] };
  list: { models: readonly ModelView[] };
  get: ModelDetails;
  delete: ModelView;
  verify: { models: readonly ModelVerification[] };
  gc: ModelCollection;
}
