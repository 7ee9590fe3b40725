/** Encodes prompts for the UNet. */
import type { Pipeline } from './load.ts';
import type { Network, Numbers } from './session.ts';

/** The UNet's input besides sample and time, with one row per prompt. */
export interface Conditioning {
  /** prompts x tokens x width. */
  hidden: Numbers;
  /** prompts x width, from SDXL's second encoder. */
  pooled: Numbers | undefined;
  /** Whether a prompt was longer than the encoder reads. */
  cutOff: boolean;
}

export const encodePrompts = async ({ text, folder }: Pipeline, prompts: readonly string[]): Promise<Conditioning> => {
  let hidden: Numbers | undefined;
  let pooled: Numbers | undefined;
  let cutOff = false;
  for (const { encoder, tokenizer } of text) {
    const encoded = prompts.map((prompt) => tokenizer.encode(prompt));
    cutOff ||= encoded.some((one) => one.cutOff);
    const ids = {
      data: Float32Array.from(encoded.flatMap((one) => one.ids)),
      dims: [prompts.length, tokenizer.length],
    };
    const answers = await encoder.run({ [encoder.inputs[0] ?? 'input_ids']: ids });
    const own = hiddenOf(encoder, answers, text.length > 1);
    hidden = hidden === undefined ? own : joined(hidden, own);
    // Only the last encoder's is used, and only if there are two.
    pooled = text.length > 1 ? answers['text_embeds'] : undefined;
  }
  if (hidden === undefined) throw new Error('the model has no text encoder');
  for (const [row, prompt] of prompts.entries()) {
    if (!folder.emptyIsZero || prompt !== '') continue;
    for (const { data } of [hidden, ...(pooled ? [pooled] : [])]) {
      const length = data.length / prompts.length;
      data.fill(0, row * length, (row + 1) * length);
    }
  }
  return { hidden, pooled, cutOff };
};

/** SDXL uses the second to last layer, others the last one after its norm. */
const hiddenOf = ({ outputs }: Network, answers: Readonly<Record<string, Numbers>>, isXl: boolean): Numbers => {
  const layers = outputs.filter((name) => /^hidden_states[._]\d+$/.test(name));
  const name =
    isXl && layers.length > 1 ? layers.at(-2) : (outputs.find((one) => one === 'last_hidden_state') ?? outputs[0]);
  const found = answers[name ?? ''];
  if (found === undefined) throw new Error('the text encoder has no output');
  return found;
};

/** Concatenates the vectors of the same tokens. */
const joined = (one: Numbers, two: Numbers): Numbers => {
  const [rows = 0, tokens = 0, left = 0] = one.dims;
  const right = two.dims[2] ?? 0;
  const data = new Float32Array(rows * tokens * (left + right));
  for (let token = 0; token < rows * tokens; token++) {
    data.set(one.data.subarray(token * left, (token + 1) * left), token * (left + right));
    data.set(two.data.subarray(token * right, (token + 1) * right), token * (left + right) + left);
  }
  return { data, dims: [rows, tokens, left + right] };
};
