/** The options of the type: `rbee worker spawn --type my-engine --option greeting=Hello`. */
/** @import { OptionsSchema } from '@rbee/contract' */

/** @type {OptionsSchema} */
export const options = {
  type: 'object',
  properties: {
    greeting: { type: 'string', default: 'You said:', description: 'Text before each answer' },
    slots: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
      description: 'Requests that run at the same time; others wait',
    },
  },
  additionalProperties: false,
};
