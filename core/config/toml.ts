/** TOML texts, and errors that say where in them something is wrong. */
import { parse, stringify, TomlError } from 'smol-toml';
import { RbeeError } from '../contract/errors.ts';
import { nearest } from '../narration/near.ts';
import { type Position, positionIn, type TomlPath, type TomlPositions, tomlPositions } from './toml-positions.ts';
import { maxDepth, tooDeepAt } from './toml-shape.ts';

/** A text that was read, and may be complained about. */
export class TomlDocument {
  readonly file: string;
  readonly value: Record<string, unknown>;
  readonly #source: string;
  #positions: TomlPositions | undefined;
  readonly #problems: (Position & { problem: string; hint: string })[] = [];
  /** Of all problems, also those that are not kept. */
  #count = 0;

  /** `file` is its name in errors. Errors: CONFIG_INVALID. */
  constructor(source: string, file: string) {
    this.file = file;
    this.#source = source;
    this.value = readToml(source, file);
  }

  /** Worked out when it is first asked for: most files are right. */
  get positions(): TomlPositions {
    this.#positions ??= tomlPositions(this.#source);
    return this.#positions;
  }

  /** Reports what is wrong with the thing at `path`. Reading goes on, so that all problems are found at once. */
  wrong(path: TomlPath, problem: string, hint: string): void {
    this.#count++;
    if (!this.#isFull)
      this.#problems.push({ ...this.positions.at(path), problem: shortened(problem), hint: shortened(hint) });
  }

  /** Reports a key or table that is not known: `there is no key in [queen] named prot`. */
  unknown(path: TomlPath, what: string, known: readonly string[]): void {
    const name = String(path.at(-1));
    // A hundred thousand of them would be compared for a minute, and not be kept.
    const near = this.#isFull ? undefined : nearest(name, known)[0];
    const hint = near ? `did you mean ${near}?` : `known are: ${known.join(', ')}`;
    this.wrong(path, `there is no ${what} named ${name}`, hint);
  }

  get #isFull(): boolean {
    return this.#problems.length >= maxProblems;
  }

  /** Throws CONFIG_INVALID when something was reported: about the first problem, with the others as its lines. */
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

/** The single errors of one that tells of several. */
export const singleErrors = (error: RbeeError): RbeeError[] =>
  error.cause instanceof AggregateError ? error.cause.errors : [error];

/** A value in a message, however long it is. */
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
      'no setting is that deep; check the brackets and dots',
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

/** The error about a place in a file of settings. */
export const configError = (file: string, at: Position, problem: string, hint: string): RbeeError =>
  RbeeError.of('CONFIG_INVALID', { file, line: at.line, column: at.column, problem, hint });
