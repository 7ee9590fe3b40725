/** From tokens to text, one at a time: cheap for the common token, right for characters that are spread over several. */
import type { LlamaModel, Token } from 'node-llama-cpp';

export interface PieceReader {
  /** The text that this token completes; empty when a character is still incomplete. */
  push(token: Token): string;
  /** What is left of an incomplete character. */
  end(): string;
}

const incomplete = '\ufffd';
/** A character has at most four bytes, each a token of its own at worst. */
const longestCharacter = 4;

/** Makes readers that share what they learn about a model's vocabulary. */
export const createPieces = (model: LlamaModel): (() => PieceReader) => {
  const known = new Map<Token, string>();
  // Some vocabularies swallow a space at the start of a text; no token stands at the start behind an anchor.
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
        return held.length < longestCharacter && textOf(held).endsWith(incomplete) ? '' : release();
      },
      end: release,
    };
  };
};
