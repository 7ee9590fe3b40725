/** Turns tokens into text one at a time: fast for common tokens, correct for characters that span several. */
import type { LlamaModel, Token } from 'node-llama-cpp';

export interface PieceReader {
  /** The text that this token completes; empty while a character is incomplete. */
  push(token: Token): string;
  /** The rest of an incomplete character. */
  end(): string;
}

const incomplete = '\ufffd';
/** A character has at most four bytes, which may be four tokens. */
const maxTokensPerCharacter = 4;

/** Makes readers that share what they learn about a model's vocabulary. */
export const createPieces = (model: LlamaModel): (() => PieceReader) => {
  const known = new Map<Token, string>();
  // Some vocabularies drop a space at the start of a text. After an anchor, no token is at the start.
  const anchor = model.tokenize('a', false).slice(-1);
  const anchorText = model.detokenize(anchor);

  const textOf = (tokens: readonly Token[]) => {
    const text = model.detokenize([...anchor, ...tokens]);
    return text.startsWith(anchorText) ? text.slice(anchorText.length) : model.detokenize(tokens);
  };
  const pieceOf = (token: Token) => {
    let piece = known.get(token);
    if (piece === undefined) {
      piece = textOf([token]);
      known.set(token, piece);
    }
    return piece;
  };

  return () => {
    let held: Token[] = [];
    const release = () => {
      const text = held.length === 0 ? '' : textOf(held);
      held = [];
      return text;
    };
    return {
      push: (token) => {
        if (held.length === 0) {
          const piece = pieceOf(token);
          if (!piece.includes(incomplete)) return piece;
        }
        held.push(token);
        return held.length < maxTokensPerCharacter && textOf(held).endsWith(incomplete) ? '' : release();
      },
      end: release,
    };
  };
};
