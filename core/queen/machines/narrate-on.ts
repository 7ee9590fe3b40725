/** Narration of one hive among others in the same job: its steps have ids of their own, and say whose they are. */
import type { Narrate } from '../../contract/narration.ts';

export const narrateOn =
  (alias: string, narrate: Narrate | undefined): Narrate =>
  (event) => {
    if (!narrate) return;
    const on = `hive ${alias}`;
    if (event.kind === 'step') narrate({ ...event, id: `${alias}: ${event.id}`, on });
    else if (event.kind === 'progress' || event.kind === 'done') narrate({ ...event, id: `${alias}: ${event.id}` });
    else if (event.kind === 'info' || event.kind === 'warning') narrate({ ...event, on });
    else narrate(event);
  };
