/** Platforms as worker types name them: `linux-x64`, `linux-x64-musl`. */
import type { Platform } from './worker-type.ts';

/** Is something that names these platforms built for this one? Where no C library is known, any will do. */
export const isBuiltFor = (platforms: readonly string[] | undefined, { os, cpu, libc }: Platform): boolean =>
  platforms === undefined ||
  platforms.some((name) => {
    const [theirOs, theirCpu, theirLibc = libc] = name.split('-');
    return theirOs === os && theirCpu === cpu && (libc === undefined || theirLibc === libc);
  });

/** Why something is not there for this platform, or undefined. */
export const platformProblem = (platforms: readonly string[] | undefined, platform: Platform): string | undefined =>
  isBuiltFor(platforms, platform)
    ? undefined
    : `it is not built for ${platform.os} ${platform.cpu}${platform.libc === 'musl' ? ' with musl' : ''}`;
