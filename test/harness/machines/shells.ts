/** Login shells as found on real machines. */
import type { Shell } from './types.ts';

/** Path of the shell on the host. */
export const shellPath: Record<Shell, string> = {
  bash: '/bin/bash',
  sh: '/bin/sh',
  fish: '/usr/bin/fish',
  rbash: '/bin/rbash',
  nologin: '/usr/sbin/nologin',
  banner: '/usr/local/bin/banner-shell',
};

/** Prints a greeting on stdout whatever it is started for, like a careless .bashrc. */
export const bannerShell = `#!/bin/sh
printf '***********************\\n* Welcome to this host *\\n***********************\\n'
exec /bin/bash "$@"
`;
