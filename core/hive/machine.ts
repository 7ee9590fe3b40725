/** The hive's machine as last measured; measured again on request or when the result is too old. */
import { cpus, freemem, totalmem } from 'node:os';
import type { HiveDevices } from '../contract/api/hive-api.ts';
import type { DeviceFacts } from '../contract/worker-type/worker-type.ts';
import type { Ask, DeviceSource } from './devices/device-source.ts';
import { measureDevices } from './devices/measure.ts';

/** Milliseconds for which a spawn reuses a measurement. */
const freshMs = 2_000;
/** Milliseconds between measurements while the machine has devices, whose memory changes without notice. */
const intervalMs = 10_000;

export class Machine {
  readonly #ask: Ask;
  readonly #onChange: () => void;
  readonly #brought: () => Promise<readonly DeviceSource[]>;
  #last: HiveDevices | null = null;
  #measuredAt = 0;
  #measuring: Promise<HiveDevices> | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** `brought` returns device sources in addition to the built-in ones. */
  constructor(ask: Ask, onChange: () => void, brought: () => Promise<readonly DeviceSource[]> = async () => []) {
    this.#ask = ask;
    this.#onChange = onChange;
    this.#brought = brought;
  }

  /** Measures now, and regularly while there is more than a processor. */
  start(): void {
    void this.measure();
    this.#timer = setInterval(() => {
      if (this.devices.some((device) => device.kind !== 'cpu')) void this.measure();
    }, intervalMs);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Devices as last measured. */
  get devices(): readonly DeviceFacts[] {
    return this.#last?.devices ?? [];
  }

  get memory(): { total: number; available: number } {
    return { total: totalmem(), available: this.#last?.host.memory.available ?? freemem() };
  }

  get cpu(): { model: string; cores: number } {
    return this.#last?.host.cpu ?? { model: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
  }

  /** A measurement that is at most two seconds old. */
  facts(): Promise<HiveDevices> {
    if (this.#last && performance.now() - this.#measuredAt < freshMs) return Promise.resolve(this.#last);
    return this.measure();
  }

  /** Measures now; concurrent callers share one measurement. */
  measure(): Promise<HiveDevices> {
    this.#measuring ??= this.#brought()
      .then((brought) => measureDevices(this.#ask, brought))
      .then((facts) => {
        const before = JSON.stringify(this.#last?.devices.map(({ memory: _, utilization: __, ...rest }) => rest));
        this.#last = facts;
        this.#measuredAt = performance.now();
        const after = JSON.stringify(facts.devices.map(({ memory: _, utilization: __, ...rest }) => rest));
        if (before !== after) this.#onChange();
        return facts;
      })
      .finally(() => {
        this.#measuring = null;
      });
    return this.#measuring;
  }
}
