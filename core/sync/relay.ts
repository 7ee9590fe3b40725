/** Forwards the narration of one step of one hive, with ids that no other step uses. */
import type { Narrate, NarrationEvent } from '../contract/api/narration.ts';

/** `id` is unique among the steps of all hives, so that steps inside need unique ids only among themselves. */
export interface Relay {
  narrate: Narrate;
  /** Ends the inner steps that are still open, because the outer step failed. */
  fail(): void;
}

const maxOpen = 1_000;

export const relay = (out: Narrate, alias: string, id: string): Relay => {
  const on = `hive ${alias}`;
  /** Open inner steps, bounded because the source may be faulty. */
  const open = new Set<string>();
  const inside = (inner: string) => `${id}/${inner}`;
  return {
    narrate: (event) => out(passed(event)),
    fail: () => {
      for (const inner of open) out({ kind: 'done', id: inner, failed: true });
      open.clear();
    },
  };

  function passed(event: NarrationEvent): NarrationEvent {
    switch (event.kind) {
      case 'step':
        if (open.size < maxOpen) open.add(inside(event.id));
        return { ...event, id: inside(event.id), on };
      case 'progress':
        return { ...event, id: inside(event.id) };
      case 'done':
        open.delete(inside(event.id));
        return { ...event, id: inside(event.id) };
      case 'info':
      case 'warning':
        return { ...event, on };
      case 'text':
      case 'ask':
      case 'plan':
        return event;
    }
  }
};
