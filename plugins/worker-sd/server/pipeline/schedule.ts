/** The noise at each step of a model's training, and which of these steps a drawing uses. */

/** The relevant fields of `scheduler_config.json`, with diffusers' names and defaults. */
export interface SchedulerConfig {
  _class_name?: string;
  num_train_timesteps?: number;
  beta_start?: number;
  beta_end?: number;
  beta_schedule?: string;
  trained_betas?: readonly number[] | null;
  prediction_type?: string;
  timestep_spacing?: string;
  steps_offset?: number;
  set_alpha_to_one?: boolean;
  rescale_betas_zero_snr?: boolean;
  use_karras_sigmas?: boolean | null;
}

/** What the model predicts: the noise, the velocity between noise and image, or the image. */
export type Prediction = 'epsilon' | 'v_prediction' | 'sample';
export type Spacing = 'leading' | 'trailing' | 'linspace';

export interface Schedule {
  /** Number of training steps. */
  trainSteps: number;
  /** Squared share of the image in the sample at each training step: from near 1 to near 0. */
  alphas: Float64Array;
  /** The share before the first step. */
  finalAlpha: number;
  prediction: Prediction;
  spacing: Spacing;
  stepsOffset: number;
  /** Whether steps are spaced as in Karras et al., for samplers that support fractional steps. */
  karras: boolean;
}

/** Throws if the configuration needs something that is not supported. */
export const readSchedule = (config: SchedulerConfig): Schedule => {
  const alphas = cumulative(rescaled(betasOf(config), config.rescale_betas_zero_snr ?? false));
  return {
    trainSteps: alphas.length,
    alphas,
    finalAlpha: (config.set_alpha_to_one ?? true) ? 1 : (alphas[0] ?? 1),
    prediction: oneOf('prediction_type', config.prediction_type ?? 'epsilon', predictions),
    spacing: oneOf('timestep_spacing', config.timestep_spacing ?? defaultSpacing(config._class_name), spacings),
    stepsOffset: config.steps_offset ?? 0,
    karras: config.use_karras_sigmas ?? false,
  };
};

/**
 * The training steps to use, noisiest first: whole numbers, except for `linspace` with a sampler that supports fractional
 * steps.
 */
export const timesteps = ({ trainSteps, spacing, stepsOffset }: Schedule, count: number, whole: boolean): number[] => {
  const places = Array.from({ length: count }, (_, index) => index);
  if (spacing === 'trailing') return places.map((place) => halfToEven(trainSteps - (place * trainSteps) / count) - 1);
  const rising =
    spacing === 'leading'
      ? places.map((place) => place * Math.floor(trainSteps / count) + stepsOffset)
      : places.map((place) => (count === 1 ? trainSteps - 1 : (place * (trainSteps - 1)) / (count - 1)));
  const limited = rising.map((step) => Math.min(step, trainSteps - 1));
  return (whole ? limited.map(halfToEven) : limited).reverse();
};

const predictions = ['epsilon', 'v_prediction', 'sample'] as const;
const spacings = ['leading', 'trailing', 'linspace'] as const;

/** Early models' configurations do not name the spacing: it is their scheduler's default. */
const defaultSpacing = (name: string | undefined): Spacing =>
  /^(Euler|LMS|DPMSolver)/.test(name ?? '') ? 'linspace' : 'leading';

const betasOf = (config: SchedulerConfig): number[] => {
  if (config.trained_betas) return [...config.trained_betas];
  const { num_train_timesteps: count = 1000, beta_start: start = 0.0001, beta_end: end = 0.02 } = config;
  const between = (from: number, to: number, step: number) => from + ((to - from) * step) / (count - 1);
  const steps = Array.from({ length: count }, (_, step) => step);
  const kind = oneOf('beta_schedule', config.beta_schedule ?? 'linear', [
    'linear',
    'scaled_linear',
    'squaredcos_cap_v2',
  ] as const);
  if (kind === 'linear') return steps.map((step) => between(start, end, step));
  if (kind === 'scaled_linear') return steps.map((step) => between(Math.sqrt(start), Math.sqrt(end), step) ** 2);
  const bar = (time: number) => Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return steps.map((step) => Math.min(1 - bar((step + 1) / count) / bar(step / count), 0.999));
};

const cumulative = (betas: readonly number[]): Float64Array => {
  let product = 1;
  return Float64Array.from(betas, (beta) => {
    product *= 1 - beta;
    return product;
  });
};

/** Makes the last training step nearly pure noise; a trace of the image remains, because samplers divide by it. */
const rescaled = (betas: number[], wanted: boolean): number[] => {
  if (!wanted) return betas;
  const roots = Array.from(cumulative(betas), Math.sqrt);
  const [first = 1, last = 0] = [roots[0], roots.at(-1)];
  const shifted = roots.map((root) => ((root - last) * first) / (first - last)).map((root) => root * root);
  const ends = shifted.map((alpha, step) => (step === shifted.length - 1 ? 2 ** -24 : alpha));
  return ends.map((alpha, step) => 1 - alpha / (step === 0 ? 1 : (ends[step - 1] ?? 1)));
};

/** Rounds like numpy: halves to the even neighbour. */
const halfToEven = (value: number): number => {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
};

const oneOf = <Choice extends string>(what: string, text: string, choices: readonly Choice[]): Choice => {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new Error(`${what} "${text}" is not supported, only ${choices.join(', ')}`);
  return choice;
};
