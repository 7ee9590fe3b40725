/** Keeps transformers from loading an image library of 20 MB at start, which speech does not need. */
import { registerHooks } from 'node:module';

const nothing = 'data:text/javascript,export default {}';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'sharp' ? { url: nothing, format: 'module', shortCircuit: true } : next(specifier, context),
});
