/** What is wrong with a schema, and where: a keyword that cannot be obeyed, or a schema that is none. */
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

/** Steps that one schema may cost, about a tenth of a second; a schema that people write takes some thousands. */
const steps = 1_000_000;

/** Bounds the work for one schema, so that a hostile one is refused at once. */
export interface Budget {
  /** Where the work is, for the message. */
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
