/** The functions of a worker type as a list of calls, so that one check can make them all. */

import { formatDevice } from '../contract/device.ts';
import { callMember } from '../contract/worker-type/members.ts';
import type { ResolvedType } from '../contract/worker-type/resolved-type.ts';
import type { Failure, RepositoryFile } from '../contract/worker-type/worker-type.ts';
import {
  binaryRequests,
  defaultOptions,
  devicesOf,
  hostsOf,
  launchesOf,
  modelFacts,
  platforms,
  preparedLaunches,
} from './samples.ts';

export interface Call {
  /** In a sentence: `fits of cuda for linux-x64`. */
  what: string;
  /** As the evaluator names it: `variants.cuda.fits`. */
  member: string;
  args: readonly unknown[];
}

export const noOutput = { stdout: '', stderr: '', code: 0 };

export const someFailure: Failure = {
  log: ['loading', 'error: something went wrong'],
  exit: { code: 1, signal: null },
  wasReady: false,
  binary: { id: 'engine' },
};

/** A typical repository, for no particular engine. */
export const someFiles: readonly RepositoryFile[] = [
  { path: 'README.md', bytes: 1_000 },
  { path: 'config.json', bytes: 500 },
  { path: 'tokenizer.json', bytes: 2_000_000 },
  { path: 'model.safetensors', bytes: 1_000_000_000 },
  { path: 'onnx/model.onnx', bytes: 900_000_000 },
  { path: 'onnx/model_q4.onnx', bytes: 300_000_000 },
  { path: 'model-Q4_K_M.gguf', bytes: 400_000_000 },
];

/** A call of every function that the type has, for every variant, device and platform. */
export const callsOf = (type: ResolvedType): Call[] => [
  ...type.variants.flatMap((variant) => [
    ...hostsOf(type).map(({ what, host }) => ({
      what: `fits of ${variant.id} for ${what}`,
      member: `variants.${variant.id}.fits`,
      args: [host],
    })),
    ...devicesOf(variant).map((device) => ({
      what: `deviceFlags of ${variant.id} for ${formatDevice(device)}`,
      member: `variants.${variant.id}.deviceFlags`,
      args: [device],
    })),
    ...platforms
      .flatMap((platform) => binaryRequests(type, platform))
      .map(({ what, request }) => ({
        what: `resolveBinary of ${variant.id} for ${what}`,
        member: `variants.${variant.id}.resolveBinary`,
        args: [request],
      })),
  ]),
  ...launchesOf(type).flatMap(({ what, launch }) => [
    { what: `command for ${what}`, member: 'command', args: [launch] },
    ...(type.checkOptions ? [{ what: `checkOptions for ${what}`, member: 'checkOptions', args: [launch] }] : []),
    ...(type.estimate ? [{ what: `estimate for ${what}`, member: 'estimate', args: [modelFacts(type), launch] }] : []),
  ]),
  ...(type.probes ?? []).map(({ id }) => ({
    what: `parse of probe ${id}`,
    member: `probes.${id}.parse`,
    args: [noOutput],
  })),
  ...(type.devices ?? []).map(({ kind }) => ({
    what: `parse of devices ${kind}`,
    member: `devices.${kind}.parse`,
    args: [noOutput],
  })),
  ...(type.aliases ? [{ what: 'aliases', member: 'aliases', args: [defaultOptions(type)] }] : []),
  ...(type.selectFiles
    ? [{ what: 'selectFiles', member: 'selectFiles', args: [someFiles, defaultOptions(type)] }]
    : []),
  ...preparedLaunches(type).flatMap(({ what, launch }) =>
    (['unserved', 'abilities', 'forecast'] as const).flatMap((member) =>
      type[member] ? [{ what: `${member} for ${what}`, member, args: [launch] }] : [],
    ),
  ),
  ...(type.slots ? [{ what: 'slots', member: 'slots', args: [defaultOptions(type)] }] : []),
  ...(type.readForecast ? [{ what: 'readForecast', member: 'readForecast', args: [noOutput] }] : []),
  { what: 'diagnose', member: 'diagnose', args: [someFailure] },
];

/** Makes a call in this process. */
export const callHere = (type: ResolvedType, { member }: Call, args: readonly unknown[]): unknown =>
  callMember(type, member, args);
