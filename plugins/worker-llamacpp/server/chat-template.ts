/** Renders the given messages with the model's Jinja template, without changing them. */
import { Template } from '@huggingface/jinja';
import { exitCodes, invalidRequest, StartError } from '@rbee/worker-server';

export interface Message {
  role: string;
  content?: string | readonly { type: string; text?: string }[] | null;
  [field: string]: unknown;
}

export interface ChatTemplate {
  /** Throws a 400 if the template refuses the messages. */
  render(messages: readonly Message[], variables: Readonly<Record<string, unknown>>): string;
}

/** For models without a template, as in llama-server. */
const chatml =
  "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}";

/** `asked` is the option (Jinja, `chatml` or empty), `own` the model's template. */
export const createChatTemplate = (
  asked: string,
  own: string | undefined,
  tokens: { bos: string; eos: string },
): ChatTemplate => {
  if (asked !== '' && asked !== 'chatml' && !/\{[{%]/.test(asked)) {
    throw new StartError(
      exitCodes.usage,
      `the builtin engine does not know the chat template "${asked}": use Jinja text, or chatml`,
    );
  }
  const source = asked === 'chatml' ? chatml : asked || own || chatml;
  const template = compile(source, asked !== '');
  return {
    render: (given, variables) => {
      const messages = given.map(plain);
      try {
        return template.render({
          ...variables,
          messages,
          add_generation_prompt: true,
          bos_token: tokens.bos,
          eos_token: tokens.eos,
        });
      } catch (cause) {
        const problem = cause instanceof Error ? cause.message : String(cause);
        throw invalidRequest(`the chat template of the model refuses these messages: ${problem}`, 'messages');
      }
    },
  };
};

/** `asked`: the template comes from the option, not from the model. */
const compile = (source: string, asked: boolean) => {
  try {
    return new Template(source);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    if (asked) throw new StartError(exitCodes.usage, `option chat_template cannot be read: ${problem}`, { cause });
    throw new StartError(exitCodes.badModel, `the chat template of the model cannot be read: ${problem}`, { cause });
  }
};

/** Templates expect text; the API also allows a list of parts. */
const plain = (message: Message, index: number) => {
  const role = message.role === 'developer' ? 'system' : message.role;
  return { ...message, role, content: contentText(message.content, index) };
};

const contentText = (content: Message['content'], index: number): string => {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map(({ type, text }) => {
      if (type === 'text' && typeof text === 'string') return text;
      throw invalidRequest(
        `this model accepts only text, not ${type}`,
        `messages[${index}].content`,
        'unsupported_value',
      );
    })
    .join('\n');
};
