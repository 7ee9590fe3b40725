/** Every variant on every device and platform. */

import { isDeepStrictEqual } from 'node:util';
import { formatDevice } from '../../contract/device.ts';
import type { ResolvedType, ResolvedVariant } from '../../contract/worker-type/resolved-type.ts';
import type { Fit, HostFacts } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, pathInPackage, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import { noOutput } from '../calls.ts';
import type { Check } from '../check.ts';
import { malformedOutput } from '../fuzz-inputs.ts';
import { devicesOf, hostsOf, kindsOf } from '../samples.ts';

const packageName = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/;
const insidePackage = new RegExp(pathInPackage);
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

const fitsOf = (variant: ResolvedVariant, what: string, host: HostFacts): Fit => {
  const name = `fits of ${variant.id} for ${what}`;
  const fit = attempt(name, () => variant.fits(host));
  const problem = shapeProblem(answerShapes.fits, fit);
  assert(problem === undefined, `${name} returns ${shown(fit)}: ${problem}`);
  return fit;
};

/** Probe results that the type's parsers produce from empty output and from garbage. */
const oddProbes = (type: ResolvedType): Record<string, unknown>[] => [
  {},
  ...[noOutput, { stdout: malformedOutput, stderr: malformedOutput, code: 1 }].map((output) =>
    Object.fromEntries((type.probes ?? []).map((probe) => [probe.id, probe.parse(output)])),
  ),
];

/** Devices that a machine can have several of. It has one CPU, and a Mac has one GPU. */
const isNumbered = (kind: string): boolean => kind !== 'cpu' && kind !== 'metal';

const flagsOf = (variant: ResolvedVariant, kind: string, ...indices: number[]) => {
  const device = { kind, indices };
  return attempt(`deviceFlags of ${variant.id} for ${formatDevice(device)}`, () => variant.deviceFlags(device));
};

export const variantChecks = [
  {
    id: 'variants.ids',
    title: 'its variants have unique names',
    check: ({ type }) => {
      assert(type.variants.length > 0, 'it has no variant');
      const ids = type.variants.map(({ id }) => id);
      assert(new Set(ids).size === ids.length, `two variants have the same name: ${ids.join(', ')}`);
      for (const id of ids)
        assert(/^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/.test(id), `${shown(id)} is not a valid name`);
    },
  },
  {
    id: 'variants.platforms',
    title: 'every variant is built for a platform, named as Node names it',
    check: ({ type }) => {
      for (const { id, platforms } of type.variants) {
        assert(platforms === undefined || platforms.length > 0, `${id} is built for no platform`);
        for (const name of platforms ?? []) {
          const [os = '', cpu = '', libc, ...more] = String(name).split('-');
          assert(
            os !== '' && cpu !== '' && more.length === 0,
            `${id}: ${shown(name)} is not a platform such as linux-x64`,
          );
          assert(!['macos', 'windows', 'mac', 'win'].includes(os), `${id}: Node calls ${os} darwin or win32`);
          assert(!['x86_64', 'amd64', 'aarch64'].includes(cpu), `${id}: Node calls ${cpu} x64 or arm64`);
          assert(libc === undefined || libc === 'glibc' || libc === 'musl', `${id}: ${shown(libc)} is not a libc`);
        }
      }
    },
  },
  {
    id: 'variants.devices',
    title: 'every variant drives a kind of device that users can write',
    check: ({ type }) => {
      for (const variant of type.variants) {
        assert(kindsOf(variant).length > 0, `${variant.id} drives no device`);
        for (const kind of kindsOf(variant))
          assert(/^[a-z][a-z0-9-]*$/.test(kind), `${variant.id} drives ${shown(kind)}, which is not a valid word`);
      }
    },
  },
  {
    id: 'variants.fits',
    title: 'every variant says whether it fits a host, and if not, why',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const { what, host } of hostsOf(type)) {
          const fit = fitsOf(variant, what, host);
          if (fit.fits) continue;
          assert(fit.reasons.length > 0, `${variant.id} does not fit ${what} and gives no reason`);
          for (const reason of fit.reasons)
            assert(/^\S.*$/.test(reason), `a reason of ${variant.id} is not one line: ${shown(reason)}`);
        }
      }
    },
  },
  {
    id: 'variants.faulty',
    title: 'no variant fits a host whose devices are all faulty or absent, unless it runs on the CPU',
    check: ({ type }) => {
      for (const variant of type.variants.filter((one) => kindsOf(one).every((kind) => kind !== 'cpu'))) {
        for (const { what, host } of hostsOf(type).filter((one) => !one.what.endsWith('all devices')))
          assert(!fitsOf(variant, what, host).fits, `${variant.id} fits ${what}`);
      }
    },
  },
  {
    id: 'variants.probe-answers',
    title: 'fits copes with probes that did not run or made no sense',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const { what, host } of hostsOf(type)) {
          for (const probes of oddProbes(type))
            fitsOf(variant, `${what}, with odd probe results,`, { ...host, probes });
        }
      }
    },
  },
  {
    id: 'variants.bare-host',
    title: 'fits copes with a host of which little is known',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const { what, host } of hostsOf(type)) {
          const { libcVersion: _, cudaDriver: __, ...bare } = host;
          const devices = host.devices.map(({ id, kind, name }) => ({ id, kind, name }));
          fitsOf(variant, `${what}, with little known about it,`, { ...bare, devices });
        }
      }
    },
  },
  {
    id: 'variants.device-flags',
    title: 'every device has its flags: arguments, and variables with legal names',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const { kind, indices } of devicesOf(variant)) {
          const flags = flagsOf(variant, kind, ...indices);
          const problem = shapeProblem(answerShapes.deviceFlags, flags);
          assert(problem === undefined, `deviceFlags of ${variant.id} are ${shown(flags)}: ${problem}`);
          for (const name of Object.keys(flags.env))
            assert(variableName.test(name), `${variant.id} sets a variable called ${shown(name)}`);
        }
      }
    },
  },
  {
    id: 'variants.device-told-apart',
    title: 'different devices have different flags',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const kind of kindsOf(variant).filter(isNumbered))
          assert(
            !isDeepStrictEqual(flagsOf(variant, kind, 0), flagsOf(variant, kind, 1)),
            `deviceFlags of ${variant.id} are the same for ${kind}:0 and ${kind}:1`,
          );
      }
    },
  },
  {
    id: 'variants.devices-together',
    title: 'several devices have other flags than the first alone',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const kind of kindsOf(variant).filter(isNumbered))
          assert(
            !isDeepStrictEqual(flagsOf(variant, kind, 0), flagsOf(variant, kind, 0, 1)),
            `deviceFlags of ${variant.id} are the same for ${kind}:0,1 and ${kind}:0`,
          );
      }
    },
  },
  {
    id: 'variants.packages',
    title: 'no variant both needs and omits an npm package',
    check: ({ type }) => {
      for (const { id, packages } of type.variants) {
        const [include, leaveOut] = [packages?.include ?? [], packages?.leaveOut ?? []];
        for (const name of [...include, ...leaveOut])
          assert(packageName.test(name), `${id}: ${shown(name)} is not the name of an npm package`);
        const both = include.filter((name) => leaveOut.includes(name));
        assert(both.length === 0, `${id} needs ${both.join(', ')} and omits it`);
      }
    },
  },
  {
    id: 'variants.package-files',
    title: 'files that a variant omits are inside packages',
    check: ({ type }) => {
      for (const { id, packages } of type.variants) {
        const lists = [packages, ...Object.values(packages?.on ?? {})].flatMap((one) =>
          Object.entries(one?.leaveOutFiles ?? {}),
        );
        for (const [name, paths] of lists) {
          assert(packageName.test(name), `${id}: ${shown(name)} is not the name of an npm package`);
          for (const path of paths)
            assert(insidePackage.test(path), `${id}: ${shown(path)} is not a path inside ${name}`);
        }
      }
    },
  },
] as const satisfies readonly Check[];
