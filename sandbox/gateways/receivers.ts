/**
 * Receivers by whose account or name a tester says what is to become of a payout, at every provider:
 * - an account that starts with `nobody` (`nobody@example.com`, an openid `nobody-1`) does not exist, and the call is
 *   refused;
 * - a name that starts with `wrong` (in Alipay's and WeChat Pay's texts also 张冠李戴) is not the account's: refused at
 *   Alipay, accepted and failed within 2 s at WeChat Pay.
 * A balance that is too low is a fault of the next calls: `POST /faults {channel, lowBalance: true}`.
 */
export function isNobody(account: string): boolean {
  return /^nobody/i.test(account);
}

export function isWrongName(name: string | null): boolean {
  return name !== null && /^(wrong|张冠李戴)/i.test(name);
}
