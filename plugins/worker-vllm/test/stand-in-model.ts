/** The stand-in's models: a folder as on the hub, whose `config.json` also controls how the stand-in behaves. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StandInConfig {
  max_position_embeddings: number;
  architectures: readonly string[];
  stand_in: {
    /** Name of an entry of `failures.json`: it fails with this log while loading. */
    fail?: string;
    /** It loads each shard only once the folder contains a file of this name: `go-1`, `go-2`, … */
    steps?: boolean;
    shards?: number;
    /** Its engine ignores SIGTERM and outlives the server. */
    clinging?: boolean;
    /** It does not wake up. */
    insomnia?: boolean;
    /** Answers continue until the client disconnects. */
    endless?: boolean;
  };
}

/** A safetensors file with one small tensor. */
const weights = (): Buffer => {
  const header = Buffer.from(JSON.stringify({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
};

/** Writes a model folder. Returns its path. */
export const writeModel = (folder: string, behaviour: StandInConfig['stand_in'] = {}): string => {
  mkdirSync(folder, { recursive: true });
  const config: StandInConfig = {
    architectures: ['LlamaForCausalLM'],
    max_position_embeddings: 2048,
    stand_in: behaviour,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'model-00001-of-00001.safetensors'), weights());
  return folder;
};

/** Undefined if the folder does not exist. */
export const readModel = (folder: string): StandInConfig | undefined => {
  const path = join(folder, 'config.json');
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as StandInConfig;
};

/** Lets a loading stand-in continue. */
export const step = (folder: string, shard: number): void => writeFileSync(join(folder, `go-${shard}`), '');
export const mayGoOn = (folder: string, shard: number): boolean => existsSync(join(folder, `go-${shard}`));
