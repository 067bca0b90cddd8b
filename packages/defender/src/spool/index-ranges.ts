// Sets of raw-log indexes, written as ranges: the repeats of a window are mostly neighbours.

/** Ascending pairs `[first, length, first, length, …]`. */
export type IndexRanges = readonly number[];

/** Packs indexes; those below `low` are left out. */
export function toRanges(indexes: readonly number[], low: number): IndexRanges {
  const ranges: number[] = [];
  let end = -1;
  for (const index of [...indexes].sort((a, b) => a - b)) {
    if (index < low || index < end) continue;
    if (index === end) ranges[ranges.length - 1] = (ranges[ranges.length - 1] ?? 0) + 1;
    else ranges.push(index, 1);
    end = index + 1;
  }
  return ranges;
}

/** Adds to `target` every index of `ranges` that is not below `low`. */
export function addRanges(target: Set<number>, ranges: IndexRanges, low: number): void {
  for (let at = 0; at + 1 < ranges.length; at += 2) {
    const first = ranges[at] ?? 0;
    const end = first + (ranges[at + 1] ?? 0);
    for (let index = Math.max(first, low); index < end; index += 1) target.add(index);
  }
}

/** One above the highest index; 0 when there is none. */
export function rangesEnd(ranges: IndexRanges): number {
  return ranges.length < 2 ? 0 : (ranges[ranges.length - 2] ?? 0) + (ranges[ranges.length - 1] ?? 0);
}
