/** Model components as given on the command line: `--component vae=hf:org/repo`. */
import { RbeeError } from '../contract/errors.ts';
import { absoluteModel } from './spawn-input.ts';

/** Components by name. Relative paths become absolute. Errors: USAGE. */
export const parseComponents = (
  pairs: readonly string[],
  { hive, cwd, help }: { hive: string | undefined; cwd: string | undefined; help: string },
): Record<string, string> => {
  const components: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, reference] = /^([a-z0-9][a-z0-9._-]{0,63})=(.+)$/.exec(pair) ?? [];
    if (name === undefined || reference === undefined) {
      throw RbeeError.of('USAGE', { problem: `"${pair}" is not a component; write vae=hf:org/repo`, help });
    }
    if (Object.hasOwn(components, name))
      throw RbeeError.of('USAGE', { problem: `component ${name} is given twice`, help });
    Object.defineProperty(components, name, { value: absoluteModel(reference, hive, cwd), enumerable: true });
  }
  return components;
};
