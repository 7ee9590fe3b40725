/** Untrusted input that breaks the rules. `message` says how, worded to follow the sender's name. */
export class BadInput extends Error {}
