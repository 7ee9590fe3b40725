/**
 * The samplers, which turn a sample into the next, less noisy one. They treat all numbers alike, so a sample is a flat array.
 */
import type { Schedule, SchedulerConfig } from './schedule.ts';
import { timesteps } from './schedule.ts';

export const samplerNames = ['ddim', 'euler', 'euler_a', 'dpm++2m'] as const;
export type SamplerName = (typeof samplerNames)[number];

export type Sample = Float32Array;

/** The state of one drawing; it keeps what it needs from earlier steps. */
export interface Sampler {
  /** The training step to pass to the model at each step of the drawing. */
  timesteps: readonly number[];
  /** The first sample: pure noise. */
  begin(noise: Sample): Sample;
  /** An image with the noise of a step; after the last step there is none. */
  addNoise(picture: Sample, noise: Sample, step: number): Sample;
  /** The sample, scaled as the model expects it. */
  scale(sample: Sample, step: number): Sample;
  /** The sample after a step. `fresh` returns a row of new noise, for samplers that add some. */
  step(sample: Sample, answer: Sample, step: number, fresh: () => Sample): Sample;
}

export const createSampler = (name: SamplerName, schedule: Schedule, count: number): Sampler => {
  if (name === 'ddim') return ddim(schedule, count);
  if (name === 'euler') return withSigmas(schedule, count, euler);
  return withSigmas(schedule, count, name === 'euler_a' ? eulerAncestral : dpmMultistep());
};

/** The sampler that corresponds to a model's own scheduler. */
export const samplerFor = ({ _class_name: name = '' }: SchedulerConfig): SamplerName => {
  if (name.startsWith('EulerAncestral')) return 'euler_a';
  if (name.startsWith('Euler')) return 'euler';
  return name.startsWith('DPMSolver') ? 'dpm++2m' : 'ddim';
};

const map = (length: number, value: (index: number) => number): Sample =>
  Float32Array.from({ length }, (_, i) => value(i));
const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0;

/** Song et al., "Denoising diffusion implicit models", 2021, with deterministic steps. */
const ddim = (schedule: Schedule, count: number): Sampler => {
  const { alphas, finalAlpha, prediction, trainSteps } = schedule;
  const steps = timesteps(schedule, count, true);
  const alphaAt = (timestep: number) => (timestep >= 0 ? at(alphas, timestep) : finalAlpha);
  return {
    timesteps: steps,
    begin: (noise) => noise,
    scale: (sample) => sample,
    addNoise: (picture, noise, step) => {
      const timestep = steps[step];
      if (timestep === undefined) return picture;
      const [signal, spread] = shares(alphaAt(timestep));
      return map(picture.length, (i) => signal * at(picture, i) + spread * at(noise, i));
    },
    step: (sample, answer, step) => {
      const timestep = at(steps, step);
      const [signal, spread] = shares(alphaAt(timestep));
      const [nextSignal, nextSpread] = shares(alphaAt(timestep - Math.floor(trainSteps / count)));
      return map(sample.length, (i) => {
        const [x, said] = [at(sample, i), at(answer, i)];
        const picture =
          prediction === 'epsilon'
            ? (x - spread * said) / signal
            : prediction === 'v_prediction'
              ? signal * x - spread * said
              : said;
        const noise =
          prediction === 'epsilon'
            ? said
            : prediction === 'v_prediction'
              ? signal * said + spread * x
              : (x - signal * said) / spread;
        return nextSignal * picture + nextSpread * noise;
      });
    },
  };
};

const shares = (alpha: number): [signal: number, spread: number] => [Math.sqrt(alpha), Math.sqrt(1 - alpha)];

interface SigmaStep {
  sample: Sample;
  /** The image that the model predicts. */
  picture: Sample;
  sigma: number;
  next: number;
  /** Sigma of the previous step; undefined at the first. */
  before: number | undefined;
  fresh: () => Sample;
}

/** Karras et al., "Elucidating the design space of diffusion-based generative models", 2022: sample = image + sigma · noise. */
const withSigmas = (schedule: Schedule, count: number, advance: (step: SigmaStep) => Sample): Sampler => {
  const spaced = timesteps(schedule, count, false);
  const spacedSigmas = spaced.map((timestep) => sigmaAt(schedule, timestep));
  const chosen = schedule.karras ? karrasSigmas(spacedSigmas) : spacedSigmas;
  const steps = schedule.karras ? chosen.map((sigma) => timestepAt(schedule, sigma)) : spaced;
  const sigmas = [...chosen, 0];
  const sigmaOf = (step: number) => at(sigmas, step);
  const most = Math.max(...sigmas);
  // If the steps do not reach the end of the training, the first noise still contains some of the image.
  const start = schedule.spacing === 'leading' ? Math.sqrt(most * most + 1) : most;
  let first: number | undefined;
  return {
    timesteps: steps,
    begin: (noise) => map(noise.length, (i) => at(noise, i) * start),
    addNoise: (picture, noise, step) => map(picture.length, (i) => at(picture, i) + at(noise, i) * sigmaOf(step)),
    scale: (sample, step) => {
      const divisor = Math.sqrt(sigmaOf(step) ** 2 + 1);
      return map(sample.length, (i) => at(sample, i) / divisor);
    },
    step: (sample, answer, step, fresh) => {
      first ??= step;
      const sigma = sigmaOf(step);
      const picture = pictureIn(schedule, sample, answer, sigma);
      const before = step > first ? sigmaOf(step - 1) : undefined;
      return advance({ sample, picture, sigma, next: sigmaOf(step + 1), before, fresh });
    },
  };
};

/** Interpolates sigma linearly between two training steps. */
const sigmaAt = ({ alphas }: Schedule, timestep: number): number => {
  const low = Math.floor(timestep);
  const sigma = (step: number) => {
    const alpha = at(alphas, Math.min(step, alphas.length - 1));
    return Math.sqrt((1 - alpha) / alpha);
  };
  return sigma(low) + (sigma(low + 1) - sigma(low)) * (timestep - low);
};

/** The inverse, which interpolates the logarithm of sigma. */
const timestepAt = (schedule: Schedule, sigma: number): number => {
  const last = schedule.trainSteps - 1;
  let low = 0;
  while (low < last - 1 && sigmaAt(schedule, low + 1) <= sigma) low += 1;
  const [below, above] = [Math.log(sigmaAt(schedule, low)), Math.log(sigmaAt(schedule, low + 1))];
  const share = (Math.log(sigma) - below) / (above - below);
  return Math.min(last, Math.max(0, low + share));
};

const karrasExponent = 7;

/** The same number of sigmas between the same bounds, denser at the low end. */
const karrasSigmas = (sigmas: readonly number[]): number[] => {
  const [high, low] = [at(sigmas, 0), at(sigmas, sigmas.length - 1)].map((sigma) => sigma ** (1 / karrasExponent));
  const between = (place: number) => (sigmas.length === 1 ? 0 : place / (sigmas.length - 1));
  return sigmas.map((_, place) => ((high ?? 0) + between(place) * ((low ?? 0) - (high ?? 0))) ** karrasExponent);
};

const pictureIn = ({ prediction }: Schedule, sample: Sample, answer: Sample, sigma: number): Sample => {
  if (prediction === 'sample') return answer;
  if (prediction === 'epsilon') return map(sample.length, (i) => at(sample, i) - sigma * at(answer, i));
  const square = sigma * sigma + 1;
  const root = Math.sqrt(square);
  return map(sample.length, (i) => at(sample, i) / square - (at(answer, i) * sigma) / root);
};

const euler = ({ sample, picture, sigma, next }: SigmaStep): Sample =>
  map(sample.length, (i) => at(sample, i) + ((at(sample, i) - at(picture, i)) / sigma) * (next - sigma));

/** An Euler step that goes too far, and noise that brings it back. */
const eulerAncestral = ({ sample, picture, sigma, next, fresh }: SigmaStep): Sample => {
  const added = Math.sqrt((next ** 2 * (sigma ** 2 - next ** 2)) / sigma ** 2);
  const down = Math.sqrt(next ** 2 - added ** 2);
  const noise = fresh();
  return map(sample.length, (i) => {
    const slope = (at(sample, i) - at(picture, i)) / sigma;
    return at(sample, i) + slope * (down - sigma) + at(noise, i) * added;
  });
};

/** Lu et al., "DPM-Solver++", 2022, second order: extrapolates the image from the previous step. */
const dpmMultistep = (): ((step: SigmaStep) => Sample) => {
  let last: Sample | undefined;
  return ({ sample, picture, sigma, next, before }) => {
    const earlier = last;
    last = picture;
    if (next === 0) return picture;
    const width = Math.log(sigma / next);
    const weight = before === undefined ? 0 : width / (2 * Math.log(before / sigma));
    const keep = next / sigma;
    return map(sample.length, (i) => {
      const now = at(picture, i);
      const aimed = earlier === undefined ? now : now + weight * (now - at(earlier, i));
      return keep * at(sample, i) + (1 - keep) * aimed;
    });
  };
};
