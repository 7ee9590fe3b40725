/**
 * For a known distribution of images, the ideal model and the path of a sample have a closed form: for a single image p it
 * is p + (x - p) · s/s0, for images with deviation d around 0 it is x · sqrt((d² + s²)/(d² + s0²)).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSampler, type Sample, type Sampler, type SamplerName, samplerFor, samplerNames } from './samplers.ts';
import { type Prediction, readSchedule, type Schedule, type SchedulerConfig } from './schedule.ts';

const config: SchedulerConfig = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  timestep_spacing: 'trailing',
};
const noise = Float32Array.of(1.5, -0.25, 0.75);
const picture = Float32Array.of(0.3, -0.9, 0.1);

const alphaOf = ({ alphas }: Schedule, timestep: number) => alphas[timestep]!;
const sigmaOf = (schedule: Schedule, timestep: number) =>
  Math.sqrt((1 - alphaOf(schedule, timestep)) / alphaOf(schedule, timestep));

/** The answer of a model that sees `picture` in the sample. */
const answer = (schedule: Schedule, seen: Sample, timestep: number, wanted: (x: number, i: number) => number): Sample =>
  seen.map((x, i) => {
    const [signal, spread] = [Math.sqrt(alphaOf(schedule, timestep)), Math.sqrt(1 - alphaOf(schedule, timestep))];
    const found = wanted(x, i);
    const inIt = (x - signal * found) / spread;
    if (schedule.prediction === 'sample') return found;
    return schedule.prediction === 'epsilon' ? inIt : signal * inIt - spread * found;
  });

type Wanted = (x: number, index: number, timestep: number) => number;

/** All samples on the path. */
const draw = (sampler: Sampler, schedule: Schedule, wanted: Wanted, fresh = () => new Float32Array(3)): Sample[] => {
  let sample = sampler.begin(noise);
  return sampler.timesteps.map((timestep, step) => {
    const seen = sampler.scale(sample, step);
    const said = answer(schedule, seen, timestep, (x, i) => wanted(x, i, timestep));
    sample = sampler.step(sample, said, step, fresh);
    return sample;
  });
};

const assertNear = (one: Sample | undefined, two: readonly number[], within = 2e-5) => {
  for (const [index, value] of two.entries()) {
    assert.ok(Math.abs((one?.[index] ?? Number.NaN) - value) < within, `${one} is not ${two}`);
  }
};

const predictions: Prediction[] = ['epsilon', 'v_prediction', 'sample'];

describe('DDIM', () => {
  for (const prediction of predictions) {
    it(`separates noise and image at every step (${prediction})`, () => {
      const schedule = readSchedule({ ...config, prediction_type: prediction });
      const sampler = createSampler('ddim', schedule, 8);
      const begin = [...noise].map((n, i) => {
        const [a] = [alphaOf(schedule, 999)];
        return (n - Math.sqrt(a) * picture[i]!) / Math.sqrt(1 - a);
      });
      for (const [step, sample] of draw(sampler, schedule, (_, i) => picture[i]!).entries()) {
        const next = sampler.timesteps[step]! - 125;
        const alpha = next >= 0 ? alphaOf(schedule, next) : 1;
        assertNear(
          sample,
          begin.map((n, i) => Math.sqrt(alpha) * picture[i]! + Math.sqrt(1 - alpha) * n),
        );
      }
    });
  }

  it('ends with a trace of noise if the first training step has one', () => {
    const schedule = readSchedule({ ...config, set_alpha_to_one: false, timestep_spacing: 'leading' });
    const sampler = createSampler('ddim', schedule, 2);
    assert.deepEqual(sampler.timesteps, [500, 0]);
    const start = alphaOf(schedule, 500);
    const last = draw(sampler, schedule, (_, i) => picture[i]!).at(-1);
    const [alpha] = schedule.alphas;
    assertNear(
      last,
      [...noise].map((n, i) => {
        const inIt = (n - Math.sqrt(start) * picture[i]!) / Math.sqrt(1 - start);
        return Math.sqrt(alpha!) * picture[i]! + Math.sqrt(1 - alpha!) * inIt;
      }),
    );
  });
});

describe('the samplers by sigma', () => {
  for (const name of ['euler', 'dpm++2m'] as const) {
    for (const prediction of predictions) {
      it(`go in a line to the one picture that there is (${name}, ${prediction})`, () => {
        const schedule = readSchedule({ ...config, prediction_type: prediction });
        const sampler = createSampler(name, schedule, 5);
        const most = sigmaOf(schedule, 999);
        for (const [step, sample] of draw(sampler, schedule, (_, i) => picture[i]!).entries()) {
          const next = sampler.timesteps[step + 1];
          const share = next === undefined ? 0 : sigmaOf(schedule, next) / most;
          assertNear(
            sample,
            [...noise].map((n, i) => picture[i]! + (n * most - picture[i]!) * share),
            2e-4,
          );
        }
      });
    }
  }

  it('start with some of the image in the noise if the steps do not reach the end of the training', () => {
    const leading = readSchedule({ ...config, timestep_spacing: 'leading', steps_offset: 1 });
    const sigma = sigmaOf(leading, 901);
    assertNear(createSampler('euler', leading, 10).begin(Float32Array.of(1)), [Math.sqrt(sigma ** 2 + 1)], 1e-5);
    const trailing = readSchedule(config);
    assertNear(createSampler('euler', trailing, 10).begin(Float32Array.of(1)), [sigmaOf(trailing, 999)], 1e-5);
  });

  it('scale the sample to what the model expects', () => {
    const schedule = readSchedule(config);
    const sampler = createSampler('euler', schedule, 4);
    const sigma = sigmaOf(schedule, 749);
    assertNear(sampler.scale(Float32Array.of(2), 1), [2 / Math.sqrt(sigma ** 2 + 1)]);
  });

  it('use fractional training steps if the spacing asks for it', () => {
    const schedule = readSchedule({ ...config, timestep_spacing: 'linspace' });
    const sampler = createSampler('euler', schedule, 3);
    const between = (sigmaOf(schedule, 499) + sigmaOf(schedule, 500)) / 2;
    const noised = sampler.addNoise(Float32Array.of(0), Float32Array.of(1), 1);
    assertNear(noised, [between], 1e-6);
  });

  /** Error against the known solution half-way, for images with deviation 0.8 around 0. */
  const errorOf = (name: SamplerName, count: number): number => {
    const spread = 0.8;
    const schedule = readSchedule(config);
    const sampler = createSampler(name, schedule, count);
    const wanted: Wanted = (seen, _, timestep) => {
      const sigma = sigmaOf(schedule, timestep);
      return (seen * Math.sqrt(sigma ** 2 + 1) * spread ** 2) / (spread ** 2 + sigma ** 2);
    };
    const reached = draw(sampler, schedule, wanted)[count / 2 - 1]!;
    const [most, now] = [sigmaOf(schedule, 999), sigmaOf(schedule, 499)];
    const exact = noise[0]! * most * Math.sqrt((spread ** 2 + now ** 2) / (spread ** 2 + most ** 2));
    return Math.abs(reached[0]! - exact);
  };

  it('converge with more steps, the second-order one much faster', () => {
    assert.ok(errorOf('euler', 80) < 0.6 * errorOf('euler', 40));
    assert.ok(errorOf('dpm++2m', 40) < 0.25 * errorOf('euler', 40));
    assert.ok(errorOf('dpm++2m', 80) < 0.3 * errorOf('dpm++2m', 40));
  });

  it('use Karras spacing if the model asks for it', () => {
    const schedule = readSchedule({ ...config, use_karras_sigmas: true });
    const sampler = createSampler('euler', schedule, 5);
    const noiseOf = (step: number) => sampler.addNoise(Float32Array.of(0), Float32Array.of(1), step)[0]!;
    const [most, least] = [sigmaOf(schedule, 999), sigmaOf(schedule, 199)];
    for (const step of [0, 1, 2, 3, 4]) {
      const root = most ** (1 / 7) + (step / 4) * (least ** (1 / 7) - most ** (1 / 7));
      assert.ok(Math.abs(noiseOf(step) / root ** 7 - 1) < 1e-6);
    }
    assert.ok(Math.abs(sampler.timesteps[0]! - 999) < 1e-6 && Math.abs(sampler.timesteps[4]! - 199) < 1e-6);
    // The named step has about this noise: both lie between the same two training steps.
    const middle = sampler.timesteps[2]!;
    const around = [Math.floor(middle), Math.ceil(middle)].map((step) => sigmaOf(schedule, step));
    assert.ok(around[0]! <= noiseOf(2) && noiseOf(2) <= around[1]!, `${middle} ${around} ${noiseOf(2)}`);
  });

  it('take the textbook step (Euler)', () => {
    const schedule = readSchedule(config);
    const sampler = createSampler('euler', schedule, 4);
    const [first] = draw(sampler, schedule, () => 0);
    const [most, next] = [sigmaOf(schedule, 999), sigmaOf(schedule, 749)];
    assertNear(
      first,
      [...noise].map((n) => n * most * (1 + (next - most) / most)),
    );
  });

  it('add as much noise as the next step has (ancestral)', () => {
    const schedule = readSchedule(config);
    const sampler = createSampler('euler_a', schedule, 4);
    const fresh = Float32Array.of(0.5, 1, -2);
    const [most, next] = [sigmaOf(schedule, 999), sigmaOf(schedule, 749)];
    const added = Math.sqrt((next ** 2 * (most ** 2 - next ** 2)) / most ** 2);
    const down = Math.sqrt(next ** 2 - added ** 2);
    const [first] = draw(
      sampler,
      schedule,
      (_, i) => picture[i]!,
      () => fresh,
    );
    assertNear(
      first,
      [...noise].map((n, i) => picture[i]! + ((n * most - picture[i]!) * down) / most + fresh[i]! * added),
      1e-4,
    );
    const end = draw(sampler, schedule, (_, i) => picture[i]!).at(-1);
    assertNear(end, [...picture]);
  });
});

describe('every sampler', () => {
  for (const name of samplerNames) {
    it(`starts an edit with the noise of its step (${name})`, () => {
      const schedule = readSchedule(config);
      const sampler = createSampler(name, schedule, 4);
      const noised = sampler.addNoise(picture, noise, 2);
      const alpha = alphaOf(schedule, 499);
      const scale = name === 'ddim' ? 1 : Math.sqrt(alpha);
      assertNear(
        noised.map((value) => value * scale),
        [...picture].map((p, i) => Math.sqrt(alpha) * p + Math.sqrt(1 - alpha) * noise[i]!),
        1e-5,
      );
      assertNear(sampler.addNoise(picture, noise, 4), [...picture]);
    });
  }

  it('corresponds to the scheduler that a model names', () => {
    const chosen = ['DDIMScheduler', 'PNDMScheduler', 'EulerDiscreteScheduler', 'EulerAncestralDiscreteScheduler'];
    assert.deepEqual(
      [...chosen, 'DPMSolverMultistepScheduler', undefined].map((name) => samplerFor({ _class_name: name })),
      ['ddim', 'ddim', 'euler', 'euler_a', 'dpm++2m', 'ddim'],
    );
  });
});
