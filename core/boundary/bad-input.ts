/** What came from outside breaks the rules. `message` says how, in words that fit behind the name of the sender. */
export class BadInput extends Error {}
