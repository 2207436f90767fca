/** Stripe's refusals: an HTTP status and `{error: {type, code?, message, param?}}`. */
export class StripeRefusal extends Error {
  override readonly name = 'StripeRefusal';
  readonly status: number;
  readonly type: string;
  readonly code: string | undefined;
  readonly param: string | undefined;
  /** The call was carried out as far as this: Stripe answers the same to the same idempotency key. */
  readonly executed: boolean;

  constructor(
    status: number,
    message: string,
    about: { type?: string; code?: string; param?: string; executed?: boolean } = {},
  ) {
    super(message);
    this.status = status;
    this.type = about.type ?? 'invalid_request_error';
    this.code = about.code;
    this.param = about.param;
    this.executed = about.executed ?? false;
  }

  toAnswer(): StripeAnswer {
    const { type, code, message, param } = this;
    const error = { ...(code && { code }), message, ...(param && { param }), type };
    return { status: this.status, body: { error } };
  }
}

export interface StripeAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** An earlier answer to the same idempotency key. */
  readonly replayed?: boolean;
}

export const ok = (body: StripeAnswer['body']): StripeAnswer => ({ status: 200, body });

export const missing = (what: string, id: string, param: string, status = 404): StripeRefusal =>
  new StripeRefusal(status, `No such ${what}: '${id}'`, { code: 'resource_missing', param });

export const serverError = (): StripeRefusal =>
  new StripeRefusal(500, 'Sorry, something went wrong. We have already been notified of the problem.', {
    type: 'api_error',
  });

export const balanceTooLow = (): StripeRefusal =>
  new StripeRefusal(400, 'You have insufficient available funds in your Stripe account.', {
    code: 'balance_insufficient',
  });
