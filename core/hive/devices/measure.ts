/** Measures the machine: processor, memory, and every device that a vendor's program reports. */
import { arch, platform } from 'node:os';
import si from 'systeminformation';
import { printedLines } from '../../boundary/printed-lines.ts';
import type { HiveDevices } from '../../contract/api/hive-api.ts';
import type { DeviceFacts, Platform } from '../../contract/worker-type/worker-type.ts';
import { amd } from './amd.ts';
import type { Ask, DeviceSource, ProgramOutput } from './device-source.ts';
import { metal } from './metal.ts';
import { nvidia, parseCudaVersion } from './nvidia.ts';
import { vulkan } from './vulkan.ts';

const sources: readonly DeviceSource[] = [nvidia, amd, metal, vulkan];

/**
 * Everything about the machine, measured now. When a vendor's program fails or hangs, a note says so. `brought` are the
 * sources of plugins, in addition to the built-in ones.
 */
export const measureDevices = async (ask: Ask, brought: readonly DeviceSource[] = []): Promise<HiveDevices> => {
  const notes: string[] = [];
  const [cpu, memory, ...answers] = await Promise.all([
    askProcessor(),
    si.mem(),
    ...[...sources, ...brought].map((source) => askSource(source, ask, notes)),
  ]);
  const found = answers.flat();
  const cudaDriver = found.some((device) => device.kind === 'cuda') ? await askCudaVersion(ask) : undefined;
  const facts = {
    platform: thisPlatform(),
    ...(libcVersion() === undefined ? {} : { libcVersion: libcVersion() }),
    cpu: { model: `${cpu.manufacturer} ${cpu.brand}`.trim(), cores: cpu.cores },
    memory: { total: memory.total, available: memory.available },
    ...(cudaDriver === undefined ? {} : { cudaDriver }),
  };
  const processor: DeviceFacts = {
    id: 'cpu',
    kind: 'cpu',
    name: `${facts.cpu.model}, ${cpu.cores} cores`,
    memory: { total: memory.total, free: memory.available },
  };
  return { devices: [...found, processor], host: facts, notes };
};

export const thisPlatform = (): Platform => {
  const here: Platform = { os: platform(), cpu: arch() };
  return platform() === 'linux' ? { ...here, libc: libcVersion() === undefined ? 'musl' : 'glibc' } : here;
};

/**
 * Read once: it does not change while this process runs, and reading it takes several programs and tens of
 * milliseconds.
 */
const askProcessor = (): Promise<si.Systeminformation.CpuData> => {
  processorAsked ??= si.cpu();
  return processorAsked;
};

let processorAsked: Promise<si.Systeminformation.CpuData> | undefined;

const askSource = async (source: DeviceSource, ask: Ask, notes: string[]): Promise<DeviceFacts[]> => {
  if (source.platforms?.includes(platform()) === false) return [];
  for (const program of source.programs) {
    const output = await ask(program, source.args, source.timeoutMs);
    if (!output) continue;
    const devices = await parsed(source, output, notes);
    if (devices === null) return [];
    if (devices.length === 0) {
      const words = printedLines(`${output.stderr}\n${output.stdout}`)[0] ?? '';
      notes.push(
        `${program} reported no device (exit code ${output.code ?? 'none'}${words ? `: ${words.slice(0, 200)}` : ''})`,
      );
    }
    return devices;
  }
  notes.push(`no ${source.kind} devices: ${source.programs[0]} was not found`);
  return [];
};

/** Null when it cannot be read. Devices of another kind, or without a number, could be mistaken for others. */
const parsed = async (
  { kind, parse }: DeviceSource,
  output: ProgramOutput,
  notes: string[],
): Promise<DeviceFacts[] | null> => {
  try {
    const reported = await parse(output);
    const own = reported.filter((device) => device.kind === kind && new RegExp(`^${kind}:\\d{1,4}$`).test(device.id));
    if (own.length < reported.length)
      notes.push(`the probe of ${kind} also listed devices of another kind; they were left out`);
    return [...new Map(own.map((device) => [device.id, device])).values()];
  } catch (error) {
    notes.push(`no ${kind} devices: ${(error as Error).message}`);
    return null;
  }
};

const askCudaVersion = async (ask: Ask): Promise<string | undefined> => {
  for (const program of nvidia.programs) {
    const output = await ask(program, []);
    if (output) return parseCudaVersion(output.stdout);
  }
  return undefined;
};

/** glibc's version from Node's own report; undefined on musl and elsewhere. */
const libcVersion = (): string | undefined => {
  if (platform() !== 'linux') return undefined;
  known ??= readLibcVersion();
  return known;
};

let known: string | undefined;

const readLibcVersion = (): string | undefined => {
  // Without this, the report resolves the name of every network peer.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
};
