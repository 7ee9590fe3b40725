/** What all jobs together may take of this machine, and one job of that. All sizes are bytes. */
export interface JobLimits {
  /** Maximum memory of all jobs and their events. */
  memory: number;
  /** Maximum size of queen.db, its write-ahead log included. */
  disk: number;
  /** Maximum narration that is kept of one job. Beyond it the job goes on and its outcome is kept. */
  narration: number;
  /** Maximum memory for the newest events of one job. Readers who are further behind read from disk. */
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

/** Memory that an event takes besides its text. */
export const eventOverhead = 200;
