/** The options of the type: `rbee worker spawn --type my-engine --option context=8192`. */
/** @import { OptionsSchema } from '@rbee/contract' */

/** @type {OptionsSchema} */
export const options = {
  type: 'object',
  properties: {
    context: {
      type: 'integer',
      minimum: 64,
      maximum: 1_048_576,
      default: 4096,
      description: 'Tokens of prompt and answer together',
    },
    threads: {
      type: 'integer',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'CPU threads; 0 lets the program choose',
    },
  },
  additionalProperties: false,
};
