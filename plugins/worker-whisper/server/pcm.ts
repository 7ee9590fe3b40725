/** PCM, A-law and mu-law samples as numbers from -1 to 1. */

export interface PcmLayout {
  sample: 'signed' | 'unsigned' | 'float' | 'alaw' | 'mulaw';
  /** Bytes per sample. */
  bytes: number;
  bigEndian: boolean;
  channels: number;
}

export const isReadable = ({ sample, bytes }: PcmLayout): boolean => widths[sample].includes(bytes);

const widths: Record<PcmLayout['sample'], readonly number[]> = {
  signed: [1, 2, 3, 4, 8],
  unsigned: [1],
  float: [4, 8],
  alaw: [1],
  mulaw: [1],
};

/** The channels of complete frames. Unlike a Float32Array, a DataView can start at any address. */
export const readPcm = (frames: Uint8Array, layout: PcmLayout): Float32Array[] => {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
  const { bytes, channels: count } = layout;
  const length = Math.floor(frames.length / (bytes * count));
  const read = sampleReader(layout);
  return Array.from({ length: count }, (_, channel) => {
    const samples = new Float32Array(length);
    for (let at = 0, byte = channel * bytes; at < length; at += 1, byte += bytes * count)
      samples[at] = read(view, byte);
    return samples;
  });
};

type SampleReader = (view: DataView, at: number) => number;

const sampleReader = ({ sample, bytes, bigEndian }: PcmLayout): SampleReader => {
  const little = !bigEndian;
  switch (sample) {
    case 'unsigned':
      return (view, at) => (view.getUint8(at) - 128) / 128;
    case 'alaw':
      return (view, at) => alaw[view.getUint8(at)] ?? 0;
    case 'mulaw':
      return (view, at) => mulaw[view.getUint8(at)] ?? 0;
    case 'float':
      return bytes === 8 ? (view, at) => view.getFloat64(at, little) : (view, at) => view.getFloat32(at, little);
    case 'signed':
      return signedReader(bytes, little);
  }
};

const signedReader = (bytes: number, little: boolean): SampleReader => {
  switch (bytes) {
    case 1:
      return (view, at) => view.getInt8(at) / 2 ** 7;
    case 2:
      return (view, at) => view.getInt16(at, little) / 2 ** 15;
    case 3:
      return little
        ? (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 2 ** 23
        : (view, at) => (view.getInt16(at) * 256 + view.getUint8(at + 2)) / 2 ** 23;
    case 4:
      return (view, at) => view.getInt32(at, little) / 2 ** 31;
    default:
      // The upper half alone has more bits than a Float32.
      return (view, at) => view.getInt32(little ? at + 4 : at, little) / 2 ** 31;
  }
};

/** ITU-T G.711: the sample of each byte. */
const alaw = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const size = ((code & 15) << 4) + 8;
  const value = exponent === 0 ? size : (size + 256) << (exponent - 1);
  return (code & 0x80 ? value : -value) / 2 ** 15;
});

const mulaw = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const value = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132;
  return (code & 0x80 ? -value : value) / 2 ** 15;
});
