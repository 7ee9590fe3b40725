/** How large request bodies may be, and how long they may take to arrive. */

export interface BodyLimits {
  /** Max size of a body, in bytes. */
  maxBytes: number;
  /** Max size of a body that is kept in memory, in bytes. */
  maxMemoryBytes: number;
  /** Milliseconds that any body may take, plus a second for each `bytesPerSecond` received. */
  timeout: { ms: number; bytesPerSecond: number };
}

export const bodyLimits = (maxBytes: number): BodyLimits => ({
  maxBytes,
  maxMemoryBytes: 8 * 1024 * 1024,
  timeout: { ms: 120_000, bytesPerSecond: 64 * 1024 },
});

/** How long the largest body may take, in milliseconds. */
export const maxBodyMs = ({ maxBytes, timeout }: BodyLimits): number =>
  timeout.ms + Math.ceil((maxBytes / timeout.bytesPerSecond) * 1000);
