/** What a container of plain sound data says: where its sound lies and how it is coded. */
import type { AudioFormat } from '../audio-format.ts';
import type { PcmLayout } from '../pcm.ts';

export interface SoundData {
  rate: number;
  channels: number;
  codec: Codec;
  /** Position of the sound in the file. */
  start: number;
  /** Bytes of sound that the header promises; undefined where it leaves them open, as recorders to a pipe do. */
  length: number | undefined;
}

export type Codec =
  | { kind: 'pcm'; layout: PcmLayout }
  /** Read by a decoder of the library once `head` stands before the sound. */
  | { kind: 'packed'; decoder: AudioFormat; head: Buffer }
  | { kind: 'unsupported'; name: string };
