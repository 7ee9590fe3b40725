/** Keeps transformers from loading the image library that it asks for at its start: speech needs none, and 20 MB of it. */
import { registerHooks } from 'node:module';

const nothing = 'data:text/javascript,export default {}';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'sharp' ? { url: nothing, format: 'module', shortCircuit: true } : next(specifier, context),
});
