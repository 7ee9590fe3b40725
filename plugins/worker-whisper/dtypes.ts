/** The number formats of the networks in a Whisper folder, and the files of each. */

/** In order of preference for `auto`. */
export const dtypes = ['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'q4f16', 'bnb4'] as const;
export type Dtype = (typeof dtypes)[number];

const suffixes: Readonly<Record<Dtype, string>> = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
};

/** The two networks: encoder and decoder. */
const networks = ['encoder_model', 'decoder_model_merged'] as const;
export type Network = (typeof networks)[number];

export const networkFile = (network: Network, dtype: Dtype): string => `onnx/${network}${suffixes[dtype]}.onnx`;

/** Formats in which both networks exist, in order of preference. */
export const dtypesAmong = (files: readonly string[]): Dtype[] =>
  dtypes.filter((dtype) => networks.every((network) => files.includes(networkFile(network, dtype))));

/** Files of both networks, including external weights. */
export const networkFilesAmong = (files: readonly string[], dtype: Dtype): string[] => {
  const wanted = networks.map((network) => networkFile(network, dtype));
  return files.filter((file) => wanted.some((one) => file === one || file.startsWith(`${one}_data`)));
};

/** The other files that transformers reads. */
export const settingFiles = [
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
] as const;
