/** Models of the stand-in: a folder like those of the hub, whose `config.json` also says how the stand-in is to behave. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StandInConfig {
  max_position_embeddings: number;
  architectures: readonly string[];
  stand_in: {
    /** Name of an entry of `failures.json`, with whose words it ends while loading. */
    fail?: string;
    /** It goes on with each shard once there is a file of this name in the folder: `go-1`, `go-2`, … */
    steps?: boolean;
    shards?: number;
    /** Its engine does not end on SIGTERM, and outlives the server. */
    clinging?: boolean;
    /** It does not wake. */
    insomnia?: boolean;
    /** Answers go on until the client has left. */
    endless?: boolean;
  };
}

/** Bytes of a safetensors file with one small tensor. */
const weights = (): Buffer => {
  const header = Buffer.from(JSON.stringify({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
};

/** Writes a model folder; gives its path. */
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

/** Undefined when there is no such folder. */
export const readModel = (folder: string): StandInConfig | undefined => {
  const path = join(folder, 'config.json');
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as StandInConfig;
};

/** Lets a loading stand-in go on. */
export const step = (folder: string, shard: number): void => writeFileSync(join(folder, `go-${shard}`), '');
export const mayGoOn = (folder: string, shard: number): boolean => existsSync(join(folder, `go-${shard}`));
