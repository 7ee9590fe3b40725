/** Limits for all jobs together and for each job, in bytes. */
export interface JobLimits {
  /** Maximum memory of all jobs and their events. */
  memory: number;
  /** Maximum size of queen.db, including its write-ahead log. */
  disk: number;
  /** Maximum stored narration of one job. Beyond it, the job continues and its outcome is stored. */
  narration: number;
  /** Maximum memory for the newest events of one job. Slower readers read from disk. */
  window: number;
  /** Maximum result of one job. */
  result: number;
}

const MiB = 2 ** 20;

export const defaultLimits: JobLimits = {
  memory: 32 * MiB,
  disk: 256 * MiB,
  narration: 8 * MiB,
  window: MiB,
  result: 16 * MiB,
};

/** Memory of an event besides its text. */
export const eventOverhead = 200;
