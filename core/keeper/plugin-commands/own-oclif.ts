/** Lets a plugin that brings no `@oclif/core` of its own, because it names it as a peer, use the one of rbee. */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../config/version.ts';

let lent = false;

/** For the whole process, from now on; a plugin's own copy still comes first. */
export const lendOclif = (): void => {
  if (lent) return;
  lent = true;
  const parentURL = pathToFileURL(join(packageRoot(), 'package.json')).href;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!/^@oclif\/core(\/|$)/.test(specifier)) return next(specifier, context);
      try {
        return next(specifier, context);
      } catch (error) {
        if (!/^(ERR_)?MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return next(specifier, { ...context, parentURL });
      }
    },
  });
};
