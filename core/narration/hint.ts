/** Formats a hint: `try: …` if it says what to do. */

/** Hints are complete sentences of their own. Those that state a fact get no label. */
export const labelled = (hint: string): string => {
  const text = hint.replace(/^(try|run): /, '');
  return text === '' || facts.test(text) ? text : `try: ${text}`;
};

/** Beginnings of hints that are not advice. */
const facts = /^(see\b|did you |known |installed |devices are |its |it |only |nothing |[\w.@/-]+ loads: )/;
