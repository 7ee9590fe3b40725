/** Input from outside that breaks the rules. `message` says how, as a phrase that follows the name of the sender. */
export class BadInput extends Error {}
