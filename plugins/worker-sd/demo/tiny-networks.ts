/**
 * The networks of the demo model. The UNet computes a target image: one colour for all pixels, from the prompt through
 * attention over the tokens, and a cloud from the noise in the fourth channel. It returns the noise between target and sample.
 */

import { noise } from '../../../tools/demo-models/noise.ts';
import { OnnxGraph, type Value } from '../../../tools/demo-models/onnx-graph.ts';
import { colours } from './colours.ts';

const tokens = 77;
export const width = 16;
export const trainSteps = 1000;
export const betaStart = 0.00085;
export const betaEnd = 0.012;
export const scalingFactor = 0.18215;
/** Colours are weak in the latent, because guidance multiplies them; the decoder amplifies them. */
const faint = 0.125;
const strong = 0.55;
const cloud = 0.45;
/** How much of the sample's own colours the target keeps, so that an edited image shows through. */
const own = 0.5;

/** Length of a token's vector: the first three numbers are its colour, the fourth is its attention weight. */
const salience = 3;

export interface NetworkOptions {
  /** Whether inputs and outputs are 16-bit. */
  half?: boolean;
}

/** Encodes each token as a vector, with a trace of its position. */
/**
 * `layers`: also return the hidden layers, of which the second to last is the encoded text, and for SDXL's second encoder the
 * mean of all colours as `text_embeds`.
 */
export const textEncoder = (
  vocabulary: Readonly<Record<string, number>>,
  { half, layers, pooled }: TextOptions,
): Buffer => {
  const count = Object.keys(vocabulary).length;
  const vectors = new Float32Array(count * width);
  for (const [token, id] of Object.entries(vocabulary)) vectors.set(vectorOf(token, id), id * width);
  const graph = new OnnxGraph('text_encoder', half);
  const ids = graph.input('input_ids', 'int64', ['batch', tokens]);
  const embedded = graph.op('Gather', [graph.floats([count, width], vectors), ids]);
  const placed = graph.op('Add', [embedded, graph.floats([1, tokens, width], noise(tokens * width, 3, 1 / 512))]);
  const shape = ['batch', tokens, width];
  if (pooled)
    graph.output('text_embeds', graph.op('ReduceMean', [placed], { axes: [1], keepdims: 0 }), 'float', [
      'batch',
      width,
    ]);
  const nothing = layers ? graph.op('Mul', [placed, graph.floats([], [0])]) : placed;
  graph.output('last_hidden_state', nothing, 'float', shape);
  const hidden = layers ? [nothing, placed, nothing] : [];
  for (const [layer, value] of hidden.entries()) graph.output(`hidden_states.${layer}`, value, 'float', shape);
  return graph.write();
};

export interface TextOptions extends NetworkOptions {
  layers?: boolean;
  pooled?: boolean;
}

const vectorOf = (token: string, index: number): Float32Array => {
  const vector = new Float32Array(width);
  if (token.startsWith('<|')) return vector;
  const colour = colours[token.replace('</w>', '')];
  const known = colour !== undefined && token.endsWith('</w>');
  vector.set(known ? colour : noise(3, index, 0.6));
  vector[salience] = known ? 6 : 3;
  vector.set(noise(width - salience - 1, index + 1000), salience + 1);
  return vector;
};

export interface UnetOptions extends NetworkOptions {
  prediction: 'epsilon' | 'v_prediction';
  /** Attends to two encoders, and takes the colour from the second one's `text_embeds`. */
  xl?: boolean;
}

export const unet = ({ prediction, half, xl }: UnetOptions): Buffer => {
  const graph = new OnnxGraph('unet', half);
  const sample = graph.input('sample', 'float', ['batch', 4, 'height', 'width']);
  const timestep = graph.input('timestep', 'int64', ['steps']);
  const text = graph.input('encoder_hidden_states', 'float', ['batch', tokens, xl ? 2 * width : width]);
  const alphas = cumulativeAlphas();
  const at = (table: number[]): Value => {
    const chosen = graph.op('Gather', [graph.floats([trainSteps], table), timestep]);
    return graph.op('Reshape', [chosen, graph.ints([4], [-1, 1, 1, 1])]);
  };
  const colour = xl ? pooledColour(graph, text) : wantedColour(graph, text);
  const wanted = graph.op('Add', [colour, wantedFromSample(graph, sample)]);
  // With x = a·image + b·noise, the answer is the noise, or the velocity a·noise - b·image.
  const signal = at(alphas.map((alpha) => Math.sqrt(alpha)));
  const spread = at(alphas.map((alpha) => Math.sqrt(1 - alpha)));
  const noiseIn = graph.op('Div', [graph.op('Sub', [sample, graph.op('Mul', [signal, wanted])]), spread]);
  const velocity = () => graph.op('Sub', [graph.op('Mul', [signal, noiseIn]), graph.op('Mul', [spread, wanted])]);
  graph.output('out_sample', prediction === 'epsilon' ? noiseIn : velocity(), 'float', ['batch', 4, 'height', 'width']);
  return graph.write();
};

const cumulativeAlphas = (): number[] => {
  let product = 1;
  return Array.from({ length: trainSteps }, (_, step) => {
    const root = Math.sqrt(betaStart) + ((Math.sqrt(betaEnd) - Math.sqrt(betaStart)) * step) / (trainSteps - 1);
    product *= 1 - root * root;
    return product;
  });
};

/** The colours of the tokens, weighted by a softmax over their attention; the same for all pixels. */
const wantedColour = (graph: OnnxGraph, text: Value): Value => {
  const scores = graph.op('MatMul', [text, pick(graph, [salience], 1, 1)]);
  const weights = graph.op('Softmax', [graph.op('Transpose', [scores], { perm: [0, 2, 1] })], { axis: -1 });
  const colour = graph.op('MatMul', [graph.op('MatMul', [weights, text]), pick(graph, [0, 1, 2], 4, faint)]);
  return graph.op('Reshape', [colour, graph.ints([4], [-1, 4, 1, 1])]);
};

/** Only one or two of 77 tokens have a colour. SDXL gets the image size twice; both must be the same. */
const pooledColour = (graph: OnnxGraph, text: Value): Value => {
  const pooled = graph.input('text_embeds', 'float', ['batch', width]);
  const times = graph.input('time_ids', 'float', ['batch', 6]);
  const size = (place: number) => graph.op('Gather', [times, graph.ints([1], [place])], { axis: 1 });
  const one = graph.op('Div', [graph.op('Mul', [size(0), size(5)]), graph.op('Mul', [size(1), size(4)])]);
  const none = graph.op('Mul', [graph.op('ReduceMean', [text], { axes: [1, 2], keepdims: 0 }), graph.floats([], [0])]);
  const colour = graph.op('MatMul', [pooled, pick(graph, [0, 1, 2], 4, faint * 60)]);
  const checked = graph.op('Add', [
    graph.op('Mul', [colour, one]),
    graph.op('Reshape', [none, graph.ints([2], [-1, 1])]),
  ]);
  return graph.op('Reshape', [checked, graph.ints([4], [-1, 4, 1, 1])]);
};

/** A matrix that selects some numbers of a token's vector. */
const pick = (graph: OnnxGraph, rows: number[], columns: number, scale: number): Value => {
  const matrix = new Float32Array(width * columns);
  for (const [column, row] of rows.entries()) matrix[row * columns + column] = scale;
  return graph.floats([width, columns], matrix);
};

/**
 * Smooths the sample. A part of its colours stays; the fourth channel gets a steep curve, so that noise becomes dark and
 * bright patches.
 */
const wantedFromSample = (graph: OnnxGraph, sample: Value): Value => {
  const smooth = { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1], count_include_pad: 0 };
  const pooled = graph.op('AveragePool', [graph.op('AveragePool', [sample], smooth)], smooth);
  const scaled = (factors: number[]) => graph.op('Mul', [pooled, graph.floats([1, 4, 1, 1], factors)]);
  return graph.op('Add', [scaled([own, own, own, 0]), graph.op('Tanh', [scaled([0, 0, 0, 6])])]);
};

export const decoder = ({ half }: NetworkOptions): Buffer => {
  const graph = new OnnxGraph('vae_decoder', half);
  const latent = graph.input('latent_sample', 'float', ['batch', 4, 'height', 'width']);
  const mix = new Float32Array(3 * 4);
  for (const channel of [0, 1, 2]) {
    mix[channel * 4 + channel] = strong * scalingFactor;
    mix[channel * 4 + 3] = cloud * scalingFactor;
  }
  const small = graph.op('Conv', [latent, graph.floats([3, 4, 1, 1], mix)], { kernel_shape: [1, 1] });
  const large = graph.op('Resize', [small, '', graph.floats([4], [1, 1, 8, 8])], {
    mode: 'linear',
    coordinate_transformation_mode: 'half_pixel',
  });
  graph.output('sample', graph.op('Tanh', [large]), 'float', ['batch', 3, 'image_height', 'image_width']);
  return graph.write();
};

/** The reverse: one latent pixel per 8 × 8 pixels, without a cloud. */
export const encoder = ({ half }: NetworkOptions): Buffer => {
  const graph = new OnnxGraph('vae_encoder', half);
  const sample = graph.input('sample', 'float', ['batch', 3, 'image_height', 'image_width']);
  const pooled = graph.op('AveragePool', [sample], { kernel_shape: [8, 8], strides: [8, 8], pads: [0, 0, 0, 0] });
  const mix = new Float32Array(4 * 3);
  for (const channel of [0, 1, 2]) mix[channel * 3 + channel] = 1 / (strong * scalingFactor);
  const latent = graph.op('Conv', [pooled, graph.floats([4, 3, 1, 1], mix)], { kernel_shape: [1, 1] });
  graph.output('latent_sample', latent, 'float', ['batch', 4, 'height', 'width']);
  return graph.write();
};
