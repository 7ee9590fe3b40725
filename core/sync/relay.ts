/** Passes the narration of one step of one hive on, so that it is told from that of all the others. */
import type { Narrate, NarrationEvent } from '../contract/narration.ts';

/** `id` is unique among the steps of all hives; whoever narrates to `narrate` need know nothing of the others. */
export interface Relay {
  narrate: Narrate;
  /** Ends what was begun and not ended, because the step failed. */
  fail(): void;
}

const maxOpen = 1_000;

export const relay = (out: Narrate, alias: string, id: string): Relay => {
  const on = `hive ${alias}`;
  /** Steps that were begun and not ended: no more of them than a person could follow. */
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
