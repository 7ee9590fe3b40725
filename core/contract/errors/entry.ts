export interface Entry {
  /** HTTP status with which queen and hive answer. */
  readonly status: number;
  /** What happened, and to which thing. */
  readonly message: string;
  /** What to try next. */
  readonly hint: string;
}

/** `{name}` in a message or hint is a detail that the code throwing the error must supply. */
export type Entries = Readonly<Record<string, Entry>>;
