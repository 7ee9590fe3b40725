/** The strings that a schema allows, as an automaton. */
import { type Automaton, anyText, intersect, oneOfTexts, withLength } from './automaton.ts';
import type { Budget } from './budget.ts';
import type { Facts } from './facts.ts';
import { unsupported } from './keywords.ts';
import { PatternProblem, textsWith } from './pattern.ts';

/** Maximum states for patterns and a length together; longer strings are not generated. */
const maxStates = 4000;

export const textsOf = (facts: Facts, budget: Budget): Automaton => {
  if (facts.values !== undefined) {
    return oneOfTexts(
      facts.values.filter((value) => typeof value === 'string'),
      budget,
    );
  }
  const texts = patternTexts(facts, budget);
  const { maxLength } = facts;
  const minLength = facts.minLength.count;
  if (maxLength === Number.POSITIVE_INFINITY) return withLength(texts, minLength, maxLength, budget);
  const affordable = Math.floor(maxStates / Math.max(1, texts.states.length));
  const longest = Math.min(maxLength, Math.max(minLength, affordable));
  return withLength(texts, minLength, longest, budget);
};

/** Of any length. */
export const patternTexts = ({ patterns }: Facts, budget: Budget): Automaton =>
  patterns.reduce((all, { source, path }) => {
    budget.path = path;
    const texts = textsOfPattern(source, path, budget);
    return all === anyText ? texts : intersect(all, texts, budget);
  }, anyText);

const textsOfPattern = (source: string, path: string, budget: Budget): Automaton => {
  try {
    return textsWith(source, budget);
  } catch (error) {
    if (error instanceof PatternProblem) throw unsupported(path, `it has ${error.message}`);
    throw error;
  }
};
