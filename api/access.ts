/** Who may call a route, as data: read by the router, by the OpenAPI document and by the authorization matrix. */
import { type Caller, type Scope, hasScope, isOperator } from '../commands/credentials.js';

export type AccessRule =
  | { kind: 'public' }
  /** A back end whose key has the scope. */
  | { kind: 'backend'; scope: Scope }
  /** Any user who is signed in; the handler decides whose things they may see. */
  | { kind: 'user' }
  /** The user whose id stands in the path. */
  | { kind: 'userSelf'; param: string }
  /** A user with the role operator, or a back end with scope `operate`. */
  | { kind: 'operator' }
  /**
   * A dialect's call: a user, or a back end whose key has the scope; the handler decides for whom they act. Where the
   * document prints no credential, or a right pay password is one, it may be left out.
   */
  | { kind: 'acting'; scope: Scope; mayBeLeftOut: LeftOut }
  | { kind: 'anyOf'; rules: readonly AccessRule[] };

/** `documented`: where LEGACY_AUTH says so. `password`: the call has a password in it. */
export type LeftOut = 'never' | 'documented' | 'password';

export type PublicRule = Extract<AccessRule, { kind: 'public' }>;
export type ActingRule = Extract<AccessRule, { kind: 'acting' }>;
export type CallerRule = Exclude<AccessRule, PublicRule | ActingRule>;

export const everybody: PublicRule = { kind: 'public' };
export const anyUser: CallerRule = { kind: 'user' };
export const operator: CallerRule = { kind: 'operator' };

export function backend(scope: Scope): CallerRule {
  return { kind: 'backend', scope };
}

/** @param param the name of the path's parameter that holds the user's id */
export function userSelf(param: string): CallerRule {
  return { kind: 'userSelf', param };
}

export function acting(scope: Scope, mayBeLeftOut: LeftOut): ActingRule {
  return { kind: 'acting', scope, mayBeLeftOut };
}

export function anyOf(...rules: readonly CallerRule[]): CallerRule {
  return { kind: 'anyOf', rules };
}

/** @param params the path's parameters, as they were sent */
export function allows(rule: AccessRule, caller: Caller, params: Readonly<Record<string, unknown>>): boolean {
  switch (rule.kind) {
    case 'public':
      return true;
    case 'backend':
      return hasScope(caller, rule.scope);
    case 'user':
      return caller.kind === 'user';
    case 'acting':
      return caller.kind === 'user' || hasScope(caller, rule.scope);
    case 'userSelf':
      return caller.kind === 'user' && caller.userId === params[rule.param];
    case 'operator':
      return isOperator(caller);
    case 'anyOf':
    default:
      return rule.rules.some((one) => allows(one, caller, params));
  }
}

const WITHOUT: Readonly<Record<LeftOut, string>> = {
  never: '',
  documented: '; with `LEGACY_AUTH=documented` also without a credential',
  password: ', or whoever knows the password',
};

/** In words, for the documentation. */
export function describeAccess(rule: AccessRule): string {
  switch (rule.kind) {
    case 'public':
      return 'everybody';
    case 'backend':
      return `a back end with scope \`${rule.scope}\``;
    case 'user':
      return 'a user';
    case 'acting':
      return `a user, or a back end with scope \`${rule.scope}\`${WITHOUT[rule.mayBeLeftOut]}`;
    case 'userSelf':
      return 'the user themselves';
    case 'operator':
      return 'an operator';
    case 'anyOf':
    default:
      return rule.rules.map(describeAccess).join(', or ');
  }
}
