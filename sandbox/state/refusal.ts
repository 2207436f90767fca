/** Why the sandbox does not do what was asked: `code` is a stable word, `message` a sentence for people. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
