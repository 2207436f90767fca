/** What a benchmark says: figures, each beside its floor and its target where it has them. */
import { round } from './stats.js';

export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** The same on the floor, measured in the same run. */
  floor?: number;
  /** What the target speaks of: the value, or its ratio to the floor. */
  target?: { of: 'value' | 'ratio'; atMost: number } | { of: 'value' | 'ratio'; atLeast: number };
  /** Exact counts are judged on any machine, times on a quiet one alone. */
  exact: boolean;
  /** Such as the rounds' spread. */
  note?: string;
}

export type Verdict = 'met' | 'missed' | 'not judged' | '';

export const ratioOf = ({ value, floor }: Figure): number | undefined =>
  floor === undefined ? undefined : value / floor;

/** @param quiet whether the machine was ours, so that times mean something */
export function verdictOf(figure: Figure, quiet: boolean): Verdict {
  const { target } = figure;
  if (target === undefined) return '';
  if (!figure.exact && !quiet) return 'not judged';
  const judged = target.of === 'value' ? figure.value : (ratioOf(figure) ?? Number.NaN);
  const isMet = 'atMost' in target ? judged <= target.atMost : judged >= target.atLeast;
  return isMet ? 'met' : 'missed';
}

function targetText({ target, unit }: Figure): string {
  if (target === undefined) return '';
  const [word, bound] = 'atMost' in target ? ['at most', target.atMost] : ['at least', target.atLeast];
  return `${word} ${bound}${target.of === 'ratio' ? ' times the floor' : ` ${unit}`}`;
}

const HEAD = ['figure', 'value', 'floor', 'ratio', 'target', 'verdict', 'note'];

/** A Markdown table that also reads well in a terminal. */
export function tableOf(figures: readonly Figure[], quiet: boolean): string {
  const rows = figures.map((figure) => {
    const ratio = ratioOf(figure);
    return [
      figure.what,
      `${round(figure.value)} ${figure.unit}`,
      figure.floor === undefined ? '' : `${round(figure.floor)} ${figure.unit}`,
      ratio === undefined ? '' : String(round(ratio, 2)),
      targetText(figure),
      verdictOf(figure, quiet),
      figure.note ?? '',
    ];
  });
  const widths = HEAD.map((head, column) =>
    Math.max(...[HEAD, ...rows].map((row) => (row[column] ?? head).length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
