/** What `transcribe`, `image` and `embed` share: finding a model, and sending the request to its worker. */
import type { IncomingMessage } from 'node:http';
import * as Flags from '@oclif/core/flags';
import type { Narrate } from '../../contract/api/narration.ts';
import type { ModelLoadInput, ModelLoadResult } from '../../contract/api/operations.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { absoluteModel } from '../spawn-input.ts';

export const modelFlags = {
  model: Flags.string({
    char: 'm',
    description: 'Name of a served model, or a model reference [default: the only served model of this kind]',
    helpValue: '<model>',
  }),
  type: Flags.string({
    char: 't',
    description: 'Worker type to start if no worker serves the model',
    helpValue: '<type>',
  }),
  device: Flags.string({ description: 'Device to start the worker on', helpValue: '<device>' }),
};

export interface ModelFlags {
  model?: string;
  type?: string;
  device?: string;
  'no-start'?: boolean;
}

export abstract class InferenceCommand extends QueenCommand {
  /** Starts a worker if none serves the model. */
  protected async serving(
    flags: ModelFlags,
    kind: ModelLoadInput['kind'],
  ): Promise<{ queen: QueenClient; served: ModelLoadResult }> {
    const queen = await this.queen(flags);
    const { type, device } = flags;
    const model = flags.model === undefined ? undefined : absoluteModel(flags.model, undefined, this.folder);
    const wanted = { model, kind, type, device };
    const input = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    return { queen, served: await this.runJob(queen, 'model_load', input as ModelLoadInput) };
  }

  /** Sends a request and reads the answer as one narrated step. Ctrl-C closes the connection, which cancels the request. */
  protected asking<Result>(
    { queen, path, body, text }: { queen: QueenClient; path: string; body: object | FormData; text: string },
    read: (answer: IncomingMessage, narrate: Narrate) => Promise<Result>,
  ): Promise<Result> {
    return this.cancellable(async (signal, narrate) => {
      const { askWorker } = await import('../../queen/client/ask-worker.ts');
      narrate({ kind: 'step', id: 'ask', text });
      const result = await askWorker(queen.address, { path, body, signal })
        .then((answer) => read(answer, narrate))
        .catch((error) => {
          // Whatever error the closed connection gives, Ctrl-C is the cause.
          throw signal.aborted ? RbeeError.of('CANCELLED', { what: text }, { cause: error }) : error;
        });
      narrate({ kind: 'done', id: 'ask' });
      return result;
    });
  }
}
