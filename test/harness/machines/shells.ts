/** Login shells as they are met on real machines. */
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

/** Says hello on stdout whatever it is started for, as a careless .bashrc does. */
export const bannerShell = `#!/bin/sh
printf '***********************\\n* Welcome to this host *\\n***********************\\n'
exec /bin/bash "$@"
`;
