/** Turns ComfyUI's errors into OpenAI's format. */
import { ApiError, invalidRequest } from '@rbee/worker-server';
import type { Graph } from './workflow.ts';

interface NodeProblem {
  type?: string;
  message?: string;
  details?: string;
}

/** The body of a 400 from `/prompt`. */
export interface Refusal {
  error?: { type?: string; message?: string; details?: string } | string;
  node_errors?: Record<string, { errors?: NodeProblem[]; class_type?: string }>;
}

/** ComfyUI refused the graph: a value from the request or the workflow is invalid. */
export const refusedGraph = (body: Refusal, graph: Graph): ApiError => {
  const problems = Object.entries(body.node_errors ?? {}).flatMap(([id, { errors = [], class_type }]) =>
    errors.map(({ message = 'is not valid', details = '' }) => {
      const node = class_type ?? graph[id]?.class_type ?? 'unknown';
      return `node ${id} (${node}): ${message}${details === '' ? '' : `: ${details}`}`;
    }),
  );
  const own = typeof body.error === 'string' ? body.error : body.error?.message;
  const text = problems.length > 0 ? problems.slice(0, 3).join('; ') : (own ?? 'it gives no reason');
  return invalidRequest(`ComfyUI refuses the workflow: ${text}`.slice(0, 2000), null, 'workflow_refused');
};

/** A node failed while it was running. */
export const executionError = (failure: Record<string, unknown>): ApiError => {
  const [kind, message, node, id] = ['exception_type', 'exception_message', 'node_type', 'node_id'].map((name) =>
    String(failure[name] ?? '').trim(),
  ) as [string, string, string, string];
  const where = `node ${id} (${node})`;
  if (/OutOfMemory/i.test(kind) || /out of memory/i.test(message)) {
    const hint = 'ask for a smaller image, or spawn the worker with --option vram=lowvram';
    return new ApiError(500, 'server_error', `the GPU has not enough memory for this image, at ${where}: ${hint}`, {
      code: 'out_of_memory',
    });
  }
  const said = `${kind.split('.').at(-1)}: ${message}`.slice(0, 1000);
  return new ApiError(500, 'server_error', `ComfyUI failed at ${where} with ${said}`, { code: 'execution_error' });
};

export const interrupted = (why: string): ApiError =>
  new ApiError(500, 'server_error', `the image was not finished: ${why}`, { code: 'interrupted' });
