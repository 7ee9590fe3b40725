/**
 * Lets the commands and hooks of a plugin import `@oclif/core` and `@rbee/core/client` of this rbee. They are optional peers
 * of such a plugin, so that its `npm install` brings neither.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../config/version.ts';

/** `@rbee/core` exports no more than its client. */
const lentPackages = /^(@oclif\/core|@rbee\/core)(\/|$)/;

let lent = false;

/** Applies to the whole process from now on. A plugin's own copy takes precedence. */
export const lendPackages = (): void => {
  if (lent) return;
  lent = true;
  // Seen from here, rbee finds its dependencies, and itself by its own name.
  const parentURL = pathToFileURL(join(packageRoot(), 'package.json')).href;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!lentPackages.test(specifier)) return next(specifier, context);
      try {
        return next(specifier, context);
      } catch (error) {
        if (!/^(ERR_)?MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return next(specifier, { ...context, parentURL });
      }
    },
  });
};
