/**
 * The demo model's two networks, with constructed weights instead of trained ones: the encoder measures how loud the sound
 * is, the decoder is a table of which token follows which. They support everything that Whisper's software does with a model.
 */
import { type Attribute, OnnxGraph } from '../../../tools/demo-models/onnx-graph.ts';
import { heardTimes, heardTokens, translatedTokens } from './sentence.ts';
import { idOf, shape, timestampId, tokenIds } from './vocabulary.ts';

const { mels, width, heads, frames } = shape;
const headWidth = width / heads;
const vocabulary = tokenIds.size;
/** Logit of the right token; the other tokens, about two thousand, add up to e^8. */
const sure = 20;
/** A spectrogram with a mean above this contains a sound. Silence is at -1.5. */
const soundAbove = -1.4;

/** Keeps every second frame of the spectrogram. Its first channel is the mean over the bands. */
export const encoder = (): Buffer => {
  const graph = new OnnxGraph('encoder');
  graph.input('input_features', 'float', ['batch_size', mels, 'feature_length']);
  const byFrame = graph.op('Transpose', ['input_features'], { perm: [0, 2, 1] });
  const [from, to, axis, step] = [0, 2 ** 31, 1, 2].map((value) => graph.ints([1], [value]));
  const halved = graph.op('Slice', [byFrame, from, to, axis, step] as string[]);
  const mean = Array.from({ length: mels * width }, (_, at) => (at % width === 0 ? 1 / mels : 0));
  graph.op('MatMul', [halved, graph.floats([mels, width], mean)], {}, 'last_hidden_state');
  graph.output('last_hidden_state', 'last_hidden_state', 'float', ['batch_size', 'encoder_sequence_length', width]);
  return graph.write();
};

const past = (side: string, kind: string) => `past_key_values.0.${side}.${kind}`;
const present = (side: string, kind: string) => `present.0.${side}.${kind}`;
const sides = ['decoder', 'encoder'] as const;
const kinds = ['key', 'value'] as const;

export const decoder = (): Buffer => {
  const graph = new OnnxGraph('decoder');
  const op = (name: string, inputs: readonly string[], attributes?: Record<string, Attribute>, result?: string) =>
    graph.op(name, inputs, attributes, result);
  const cache = (side: string, length: string) => ['batch_size', heads, `${length}_${side}_length`, headWidth];
  graph.input('input_ids', 'int64', ['batch_size', 'decoder_sequence_length']);
  graph.input('encoder_hidden_states', 'float', ['batch_size', 'encoder_sequence_length', width]);
  for (const side of sides) for (const kind of kinds) graph.input(past(side, kind), 'float', cache(side, 'past'));
  graph.input('use_cache_branch', 'bool', [1]);

  /** [batch, tokens, 1]: 1 for the token that requests a translation and all later ones. Kept in the cache. */
  const asked = op('Cast', [op('Equal', ['input_ids', graph.ints([], [idOf('<|translate|>')])])], { to: 1 });
  const wide = op('Expand', [
    op('Unsqueeze', [asked, graph.ints([2], [1, 3])]),
    graph.ints([4], [1, heads, 1, headWidth]),
  ]);
  const keys = op('Concat', [past('decoder', 'key'), wide], { axis: 2 }, present('decoder', 'key'));
  op('Concat', [past('decoder', 'value'), wide], { axis: 2 }, present('decoder', 'value'));
  const translates = op('Reshape', [
    op('ReduceMax', [keys], { axes: [1, 2, 3], keepdims: 0 }),
    graph.ints([3], [-1, 1, 1]),
  ]);

  const sound = op('Greater', [loudness(graph), graph.floats([], [soundAbove])]);
  const heard = op('Add', [
    follows(graph, heardTable(), sure),
    op('Mul', [translates, follows(graph, translatedTable(), 2 * sure)]),
  ]);
  op('Where', [sound, heard, follows(graph, silenceTable(), sure)], {}, 'logits');

  const byHead = op('Reshape', ['encoder_hidden_states', graph.ints([4], [0, -1, heads, headWidth])]);
  for (const kind of kinds) op('Transpose', [byHead], { perm: [0, 2, 1, 3] }, present('encoder', kind));
  attention(graph);

  graph.output('logits', 'logits', 'float', ['batch_size', 'decoder_sequence_length', vocabulary]);
  for (const side of sides)
    for (const kind of kinds) graph.output(present(side, kind), present(side, kind), 'float', cache(side, 'present'));
  graph.output('cross_attentions.0', 'cross_attentions.0', 'float', [
    'batch_size',
    heads,
    'decoder_sequence_length',
    'encoder_sequence_length',
  ]);
  return graph.write();
};

type Table = ReadonlyMap<number, number>;

/** Each token of a chain predicts the next, the last predicts the end. */
const chain = (...tokens: number[]): [number, number][] =>
  tokens.map((token, at) => [token, tokens[at + 1] ?? idOf('<|endoftext|>')]);

const start: [number, number] = [idOf('<|startoftranscript|>'), idOf('<|en|>')];

const heardTable = (): Table => {
  const timed = heardTokens.flatMap((tokens, at) => {
    const [from, to] = heardTimes[at] ?? [0, 0];
    return [timestampId(from), ...tokens.map(idOf), timestampId(to)];
  });
  const first = timed[0] ?? 0;
  return new Map([
    ...chain(...timed),
    start,
    [idOf('<|transcribe|>'), first],
    [idOf('<|translate|>'), first],
    // Without times, the second segment follows the first directly.
    [idOf('<|notimestamps|>'), idOf(heardTokens[0]?.[0] ?? '')],
  ]);
};

const translatedTable = (): Table => {
  const ids = translatedTokens.map(idOf);
  const end = timestampId(heardTimes.at(-1)?.[1] ?? 0);
  const first = ids[0] ?? 0;
  return new Map([...chain(...ids, end), [timestampId(0), first], [idOf('<|notimestamps|>'), first]]);
};

const silenceTable = (): Table => new Map([[start[0], idOf('<|nospeech|>')]]);

/** [batch, tokens, vocabulary]: `certainty` at the successor of each token. */
const follows = (graph: OnnxGraph, table: Table, certainty: number) => {
  const next = Array.from({ length: vocabulary }, (_, token) => table.get(token) ?? idOf('<|endoftext|>'));
  const ids = graph.op('Gather', [graph.ints([vocabulary], next), 'input_ids']);
  const size = graph.ints([1], [vocabulary]);
  return graph.op('OneHot', [ids, size, graph.floats([2], [0, certainty])], { axis: -1 });
};

/** [batch, 1, 1]: the mean of the first channel. */
const loudness = (graph: OnnxGraph) => {
  const [from, to, axis] = [0, 1, 2].map((value) => graph.ints([1], [value]));
  const first = graph.op('Slice', ['encoder_hidden_states', from, to, axis] as string[]);
  return graph.op('ReduceMean', [first], { axes: [1, 2], keepdims: 1 });
};

/** Word times come from the decoder's attention: the token at position p attends to the time (p - 3.5) * 0.08 s. */
const attention = (graph: OnnxGraph) => {
  const op = graph.op.bind(graph);
  const lengthOf = (value: string, axis: number) => op('Gather', [op('Shape', [value]), graph.ints([], [axis])]);
  const range = (from: string, to: string) => op('Cast', [op('Range', [from, to, graph.ints([], [1])])], { to: 1 });
  const begin = lengthOf(past('decoder', 'key'), 2);
  const positions = range(begin, op('Add', [begin, lengthOf('input_ids', 1)]));
  const centers = op('Mul', [op('Sub', [positions, graph.floats([], [3.5])]), graph.floats([], [4])]);
  const frame = range(graph.ints([], [0]), lengthOf('encoder_hidden_states', 1));
  const away = op('Div', [
    op('Sub', [frame, op('Unsqueeze', [centers, graph.ints([1], [1])])]),
    graph.floats([], [frames / 500]),
  ]);
  const near = op('Exp', [op('Neg', [op('Mul', [away, away])])]);
  const batch = op('Slice', [op('Shape', ['input_ids']), graph.ints([1], [0]), graph.ints([1], [1])]);
  const all = op('Concat', [batch, graph.ints([3], [heads, 1, 1])], { axis: 0 });
  op('Expand', [op('Unsqueeze', [near, graph.ints([2], [0, 1])]), all], {}, 'cross_attentions.0');
};
