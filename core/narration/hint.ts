/** How a hint is shown: `try: …` where it says what to do. */

/** Hints read well alone, in JSON as well. Some bring the label with them, and some tell a fact that no label fits. */
export const labelled = (hint: string): string => {
  const text = hint.replace(/^(try|run): /, '');
  return text === '' || facts.test(text) ? text : `try: ${text}`;
};

/** What no advice begins with. */
const facts = /^(see\b|did you |known |installed |devices are |its |it |only |nothing |[\w.@/-]+ loads: )/;
