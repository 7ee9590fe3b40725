/** Platforms as worker types name them: `linux-x64`, `linux-x64-musl`. */
import type { Platform } from './worker-type.ts';

/** Whether something built for these platforms runs on this one. If its C library is unknown, any matches. */
export const isBuiltFor = (platforms: readonly string[] | undefined, { os, cpu, libc }: Platform): boolean =>
  platforms === undefined ||
  platforms.some((name) => {
    const [theirOs, theirCpu, theirLibc = libc] = name.split('-');
    return theirOs === os && theirCpu === cpu && (libc === undefined || theirLibc === libc);
  });

/** Why something is not available for this platform; undefined if it is. */
export const platformProblem = (platforms: readonly string[] | undefined, platform: Platform): string | undefined =>
  isBuiltFor(platforms, platform)
    ? undefined
    : `it is not built for ${platform.os} ${platform.cpu}${platform.libc === 'musl' ? ' with musl' : ''}`;
