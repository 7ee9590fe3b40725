/** TOML texts, and errors with line and column. */
import { parse, stringify, TomlError } from 'smol-toml';
import { RbeeError } from '../contract/errors.ts';
import { nearest } from '../narration/near.ts';
import { type Position, positionIn, type TomlPath, type TomlPositions, tomlPositions } from './toml-positions.ts';
import { maxDepth, tooDeepAt } from './toml-shape.ts';

/** A parsed text that collects problems. */
export class TomlDocument {
  readonly file: string;
  readonly value: Record<string, unknown>;
  readonly #source: string;
  #positions: TomlPositions | undefined;
  readonly #problems: (Position & { problem: string; hint: string })[] = [];
  /** The number of all problems, including those that are not kept. */
  #count = 0;

  /** `file` is its name in errors. Errors: CONFIG_INVALID. */
  constructor(source: string, file: string) {
    this.file = file;
    this.#source = source;
    this.value = readToml(source, file);
  }

  /** Computed on first use, since most files are valid. */
  get positions(): TomlPositions {
    this.#positions ??= tomlPositions(this.#source);
    return this.#positions;
  }

  /** Reports a problem of the value at `path`. Reading continues, to find all problems at once. */
  wrong(path: TomlPath, problem: string, hint: string): void {
    this.#count++;
    if (!this.#isFull)
      this.#problems.push({ ...this.positions.at(path), problem: shortened(problem), hint: shortened(hint) });
  }

  /** Reports an unknown key or table: `there is no key in [queen] named prot`. */
  unknown(path: TomlPath, what: string, known: readonly string[]): void {
    const name = String(path.at(-1));
    // Comparing a hundred thousand of them would take a minute, and most are not kept.
    const near = this.#isFull ? undefined : nearest(name, known)[0];
    const hint = near ? `did you mean ${near}?` : `known: ${known.join(', ')}`;
    this.wrong(path, `there is no ${what} named ${name}`, hint);
  }

  get #isFull(): boolean {
    return this.#problems.length >= maxProblems;
  }

  /** Throws CONFIG_INVALID if there are problems: about the first one, with the others as its lines. */
  refuse(): void {
    const [first, ...others] = this.#problems.sort((a, b) => a.line - b.line || a.column - b.column);
    if (!first) return;
    const lines = others.map(({ line, column, problem, hint }) => `${line}:${column}: ${problem} (${hint})`);
    const left = this.#count - this.#problems.length;
    if (left > 0) lines.push(`and ${left} more`);
    const errors = this.#problems.map((one) => configError(this.file, one, one.problem, one.hint));
    const { file } = this;
    throw RbeeError.of('CONFIG_INVALID', { file, ...first }, { lines, cause: new AggregateError(errors) });
  }
}

const maxProblems = 100;

/** The single errors of a CONFIG_INVALID with several. */
export const singleErrors = (error: RbeeError): RbeeError[] =>
  error.cause instanceof AggregateError ? error.cause.errors : [error];

/** A value as shown in a message, shortened. */
export const shown = (value: unknown): string => shortened(JSON.stringify(value));

const shortened = (text: string): string => (text.length > maxShown ? `${text.slice(0, maxShown)}…` : text);
const maxShown = 500;

/** Reads TOML; `file` is its name in errors. Errors: CONFIG_INVALID. */
export const readToml = (source: string, file: string): Record<string, unknown> => {
  const tooDeep = tooDeepAt(source);
  if (tooDeep !== null) {
    const problem = `it is nested more than ${maxDepth} levels deep`;
    throw configError(
      file,
      positionIn(source, tooDeep),
      problem,
      'no setting is nested that deeply; check the brackets and dots',
    );
  }
  try {
    return parse(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const problem = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? 'not valid TOML';
    throw configError(file, { line: error.line, column: error.column }, problem, 'the file is written in TOML');
  }
};

export const formatToml = (value: Record<string, unknown>): string => stringify(value);

/** The error about a position in a configuration file. */
export const configError = (file: string, at: Position, problem: string, hint: string): RbeeError =>
  RbeeError.of('CONFIG_INVALID', { file, line: at.line, column: at.column, problem, hint });
