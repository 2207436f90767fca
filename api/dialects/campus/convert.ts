/** Packages and what was paid for, as the document of `campus` prints them. The only place for its form of money. */
import { z } from 'zod';
import type { Package, PaidRecord } from '../../../commands/packages.js';
import type { users } from '../../../db/schema.js';
import { toChinaTime } from '../../../domain/china-time.js';
import { HoldfastError } from '../../../domain/errors.js';
import { type Fen, MAX_AMOUNT_FEN, amountFen, fen, fromYuan, toYuanNumber } from '../../../domain/money.js';
import type { PackageTurn } from '../../../domain/packages.js';

export type UserRow = typeof users.$inferSelect;
/** `campus.*` of the system parameters, by the rest of their names. */
export type Texts = Readonly<Record<string, unknown>>;

/** The document's `type` of a payment. */
export const TURNS = ['buy', 'upgrade', 'renew'] as const satisfies readonly PackageTurn[];

/** What is not known is an empty text. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

const detailSchema = z.object({ icon: z.string(), title: z.string(), content: z.string() });

export const offerSchema = z
  .object({
    empName: z.string(),
    selectType: z.int().meta({ description: '0: one item, 1: several. Setting `campus.selectType`.' }),
    qrCode: z.string(),
    photo: z.string(),
    cardNo: z.string(),
    protocolUrl: z.string(),
    wxAccount: z.string(),
    alipayAccount: z.string(),
    unionPayAccount: z.string(),
    projectDescription: z.string(),
    items: z.array(
      z.object({
        id: z.string(),
        itemName: z.string(),
        itemPrice: z.string().meta({ example: '¥158元/年' }),
        itemValue: z.number().meta({ description: 'Yuan.', example: 158 }),
        description: z.string(),
        details: z.array(detailSchema),
      }),
    ),
  })
  .meta({ id: 'CampusOffer' });

export function toOffer(
  user: UserRow,
  texts: Texts,
  packages: readonly Package[],
): z.input<typeof offerSchema> {
  return {
    empName: user.name,
    selectType: texts['selectType'] === 1 ? 1 : 0,
    qrCode: textOf(texts['qrCode']),
    photo: user.avatar ?? '',
    cardNo: textOf(user.profile['cardNo']),
    protocolUrl: textOf(texts['protocolUrl']),
    wxAccount: textOf(texts['wxAccount']),
    alipayAccount: textOf(texts['alipayAccount']),
    unionPayAccount: textOf(texts['unionPayAccount']),
    projectDescription: textOf(texts['projectDescription']),
    items: packages.map(toItem),
  };
}

function toItem({ id, name, price, days, description, details }: Package) {
  const value = toYuanNumber(fen(price));
  return {
    id,
    itemName: name,
    itemPrice: `¥${value}元/${spanOf(days)}`,
    itemValue: value,
    description,
    details: details.map((detail) =>
      typeof detail === 'string' ? { icon: '', title: detail, content: '' } : detail,
    ),
  };
}

function spanOf(days: number): string {
  if (days === 365 || days === 366) return '年';
  if (days === 30 || days === 31) return '月';
  return days === 1 ? '天' : `${days}天`;
}

const WHOLE = /^\d{1,11}$/;

/**
 * What a sent amount may mean: fen, as the document's text has it, or yuan, as its sample has it.
 * @throws HoldfastError `invalid_amount`
 */
export function readingsOf(sent: string | number): Fen[] {
  const text = Object.is(sent, -0) ? '-0' : String(sent);
  if (!WHOLE.test(text)) return [fromYuan(text)];
  const asFen = amountFen(Number(text));
  return asFen * 100 <= MAX_AMOUNT_FEN ? [asFen, fromYuan(text)] : [asFen];
}

const ID = /^[1-9]\d{0,14}$/;
const LONGEST_LIST = 50;

/** @throws HoldfastError `invalid_request` */
export function idsIn(list: string, field: string): string[] {
  const ids = list.split(',').map((id) => id.trim());
  if (ids.length <= LONGEST_LIST && ids.every((id) => ID.test(id))) return ids;
  throw new HoldfastError('invalid_request', {
    message: `${field}: must be up to ${LONGEST_LIST} numbers with commas between them`,
    details: { field, in: 'body' },
  });
}

export const successSchema = z
  .object({
    projectName: z.string(),
    itemName: z.string(),
    payStartDate: z.string().meta({ example: '2026-11-30 08:00:00', description: 'UTC+8.' }),
    payEndDate: z.string().meta({ example: '2027-11-30 08:00:00', description: 'UTC+8.' }),
    empName: z.string(),
    imei: z.string(),
    sim: z.string(),
    gradeName: z.string(),
    className: z.string(),
    mobile: z.string(),
  })
  .meta({ id: 'CampusSuccess' });

export function toSuccess(
  { record, period }: PaidRecord,
  user: UserRow,
  texts: Texts,
): z.input<typeof successSchema> {
  const { profile } = user;
  return {
    projectName: textOf(texts['projectName']),
    itemName: record.name,
    payStartDate: toChinaTime(new Date(period.fromMs)),
    payEndDate: toChinaTime(new Date(period.toMs)),
    empName: user.name,
    imei: textOf(profile['imei']),
    sim: textOf(profile['sim']),
    gradeName: textOf(profile['gradeName']),
    className: textOf(profile['className']),
    mobile: user.mobile ?? '',
  };
}
