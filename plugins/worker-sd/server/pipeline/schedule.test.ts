import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSchedule, type SchedulerConfig, timesteps } from './schedule.ts';

const stable: SchedulerConfig = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' };
const near = (one: number | undefined, two: number, within: number) =>
  assert.ok(Math.abs((one ?? Number.NaN) - two) <= within, `${one} is not ${two}`);

describe('the schedule of the noise', () => {
  it('is that of Stable Diffusion', () => {
    const { alphas } = readSchedule(stable);
    near(alphas[0], 0.99915, 1e-12);
    near(alphas[999], 0.00466, 5e-7);
    const sigma = (step: number) => Math.sqrt((1 - alphas[step]!) / alphas[step]!);
    near(sigma(999), 14.6146, 5e-5);
    near(sigma(0), 0.0292, 5e-5);
  });

  it('follows the closed form of each kind', () => {
    const linear = readSchedule({ beta_start: 0.1, beta_end: 0.3, num_train_timesteps: 3 });
    near(linear.alphas[2], 0.9 * 0.8 * 0.7, 1e-12);
    const cosine = readSchedule({ beta_schedule: 'squaredcos_cap_v2', num_train_timesteps: 100 });
    const bar = (time: number) => Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2) ** 2;
    // If none is capped, the product of neighbours' ratios is the ratio of the bounds.
    near(cosine.alphas[49], bar(0.5) / bar(0), 1e-12);
    const given = readSchedule({ trained_betas: [0.5, 0.5] });
    assert.deepEqual([...given.alphas], [0.5, 0.25]);
  });

  it('ends in pure noise if the model was trained so', () => {
    const { alphas } = readSchedule({ ...stable, rescale_betas_zero_snr: true });
    assert.ok(alphas[999]! < 1e-7 && alphas[999]! > 0);
    near(alphas[0], 0.99915, 1e-9);
    const plain = readSchedule(stable).alphas;
    assert.ok(alphas[500]! < plain[500]!);
  });

  it('gets the share before the first step from set_alpha_to_one', () => {
    assert.equal(readSchedule(stable).finalAlpha, 1);
    near(readSchedule({ ...stable, set_alpha_to_one: false }).finalAlpha, 0.99915, 1e-12);
  });

  it("uses the model's spacing of steps", () => {
    const steps = (config: SchedulerConfig, count: number, whole = true) =>
      timesteps(readSchedule({ ...stable, ...config }), count, whole);
    const leading = { timestep_spacing: 'leading', steps_offset: 1 };
    assert.deepEqual(steps(leading, 10), [901, 801, 701, 601, 501, 401, 301, 201, 101, 1]);
    assert.deepEqual(steps({ timestep_spacing: 'trailing' }, 4), [999, 749, 499, 249]);
    assert.deepEqual(steps({ timestep_spacing: 'trailing' }, 1), [999]);
    assert.deepEqual(steps({ timestep_spacing: 'linspace' }, 10), [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]);
    assert.deepEqual(steps({ timestep_spacing: 'linspace' }, 3), [999, 500, 0]);
    assert.deepEqual(steps({ timestep_spacing: 'linspace' }, 3, false), [999, 499.5, 0]);
    assert.deepEqual(steps(leading, 1), [1]);
  });

  it("uses the default spacing of the model's scheduler", () => {
    const spacing = (name: string) => readSchedule({ ...stable, _class_name: name }).spacing;
    assert.equal(spacing('PNDMScheduler'), 'leading');
    assert.equal(spacing('EulerDiscreteScheduler'), 'linspace');
  });

  it('refuses unknown settings by name', () => {
    assert.throws(
      () => readSchedule({ ...stable, prediction_type: 'flow' }),
      /prediction_type "flow" is not supported/,
    );
    assert.throws(() => readSchedule({ beta_schedule: 'sigmoid' }), /beta_schedule "sigmoid"/);
  });
});
