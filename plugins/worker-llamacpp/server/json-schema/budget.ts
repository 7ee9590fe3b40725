/** What is wrong with a schema, and where: an unsupported keyword, or an invalid schema. */
export class SchemaProblem extends Error {
  readonly kind: 'unsupported' | 'invalid';
  /** JSON Pointer to the keyword. */
  readonly path: string;

  constructor(kind: SchemaProblem['kind'], path: string, message: string) {
    super(message);
    this.kind = kind;
    this.path = path;
  }
}

/** Maximum steps per schema, about 0.1 s. A hand-written schema takes a few thousand. */
const steps = 1_000_000;

/** Limits the work for one schema, so that a hostile one is refused at once. */
export interface Budget {
  /** The current position, for the message. */
  path: string;
  spend(count: number): void;
}

export const createBudget = (): Budget => {
  let left = steps;
  const budget: Budget = {
    path: '',
    spend: (count) => {
      left -= count;
      if (left < 0) throw tooLarge(budget.path);
    },
  };
  return budget;
};

export const tooLarge = (path: string): SchemaProblem =>
  new SchemaProblem('unsupported', path, 'the schema is too large or too deep');
