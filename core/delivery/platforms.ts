/** Platforms that plugins can be delivered to. Their names are used in locks and file names, so others are refused. */
import { RbeeError } from '../contract/errors.ts';
import type { Platform } from '../contract/worker-type/worker-type.ts';

const known = { os: ['linux', 'darwin'], cpu: ['x64', 'arm64'], libc: ['glibc', 'musl', undefined] };

/** The platform is reported by the hive, so it is validated. Errors: HOST_UNSUPPORTED. */
export const refuseUnknownPlatform = (alias: string, { os, cpu, libc }: Platform): void => {
  if (known.os.includes(os) && known.cpu.includes(cpu) && known.libc.includes(libc)) return;
  throw RbeeError.of('HOST_UNSUPPORTED', {
    hive: alias,
    problem: 'its hive reports a platform that rbee does not know',
    hint: 'hives run on Linux and macOS, on x64 and arm64',
  });
};
