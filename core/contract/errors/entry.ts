export interface Entry {
  /** HTTP status of the answer of queen or hive. */
  readonly status: number;
  /** What happened, and to what. */
  readonly message: string;
  /** What to try next. */
  readonly hint: string;
}

/** `{name}` in a message or hint is a detail that the code that throws the error must supply. */
export type Entries = Readonly<Record<string, Entry>>;
