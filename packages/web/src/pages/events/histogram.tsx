// Events over time as stacked bars: allowed grey, refused red, gaps amber. Drag to zoom; the summary says it in words.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatClock, formatDay, formatMinute, type Zone } from '../../lib/format-time.ts';
import { type HistogramBucket, toColumns, toDragBounds, toHistogramSummary } from '../../lib/histogram-shape.ts';
import { taste, themeInForce } from '../../state/taste.ts';

const height = 84;

function toOptions(width: number, zone: Zone, onDrag: (aMs: number, bMs: number) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.86, 40], align: 1, gap: 1 });
  const series = (label: string, fill: string): uPlot.Series => ({
    label,
    fill: color(fill),
    width: 0,
    points: { show: false },
    ...(bars !== undefined && { paths: bars }),
  });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] } },
    tzDate: (seconds) => (zone === 'utc' ? uPlot.tzDate(new Date(seconds * 1e3), 'Etc/UTC') : new Date(seconds * 1e3)),
    axes: [
      {
        stroke: color('--muted'),
        grid: { show: false },
        ticks: { stroke: color('--line'), width: 1, size: 4 },
        size: 22,
        gap: 2,
        font: '11px system-ui, sans-serif',
        values: (_, splits, __, ___, step) =>
          splits.map((split) =>
            step >= 86_400
              ? formatDay(split * 1000, zone).slice(5)
              : step < 60
                ? formatClock(split * 1000, zone).slice(0, 8)
                : formatMinute(split * 1000, zone),
          ),
      },
      {
        stroke: color('--muted'),
        grid: { stroke: color('--line'), width: 1 },
        ticks: { show: false },
        size: 40,
        gap: 4,
        space: 26,
        font: '11px system-ui, sans-serif',
        values: (_, splits) =>
          splits.map((split) =>
            Number.isInteger(split) ? (split >= 10_000 ? `${split / 1000}k` : String(split)) : '',
          ),
      },
    ],
    series: [{}, series('allowed', '--bar'), series('refused', '--bar-refused'), series('gaps', '--bar-gap')],
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width < 3) return;
          onDrag(chart.posToVal(left, 'x') * 1000, chart.posToVal(left + width, 'x') * 1000);
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function toData(buckets: readonly HistogramBucket[]): uPlot.AlignedData {
  const columns = toColumns(buckets);
  return [columns.seconds, columns.total, columns.deniedAndGaps, columns.gaps];
}

interface Props {
  readonly buckets: readonly HistogramBucket[];
  readonly isStale: boolean;
  /** Called with whole buckets when the reader dragged over them or clicked one. */
  readonly onZoom: (bounds: { readonly fromMs: number; readonly toMs: number }) => void;
}

/** The chart. It draws anew when the theme, the zone or its width changes. */
export function Histogram({ buckets, isStale, onZoom }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef({ buckets, onZoom });
  latest.current = { buckets, onZoom };
  const theme = themeInForce();
  const { zone } = taste.value;
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const onDrag = (aMs: number, bMs: number) => {
      const bounds = toDragBounds(latest.current.buckets, aMs, bMs);
      if (bounds !== undefined) latest.current.onZoom(bounds);
    };
    const made = new uPlot(toOptions(element.clientWidth, zone, onDrag), toData(latest.current.buckets), element);
    chart.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [theme, zone]);
  useEffect(() => {
    const made = chart.current;
    if (made === undefined) return;
    made.setData(toData(buckets), false);
    const first = buckets[0];
    const last = buckets.at(-1);
    if (first !== undefined && last !== undefined) {
      made.setScale('x', { min: Date.parse(first.start) / 1000, max: Date.parse(last.end) / 1000 });
    }
    const highest = Math.max(1, ...buckets.map((bucket) => bucket.allowed + bucket.denied + bucket.gaps));
    made.setScale('y', { min: 0, max: highest * 1.08 });
  }, [buckets, theme, zone]);
  return (
    <figure
      class={`histogram ${isStale ? 'is-stale' : ''}`}
      aria-label={`Events over time: ${toHistogramSummary(buckets)}`}
      role="img"
      title="Drag to zoom"
    >
      <div ref={box} class="histogram-box" />
    </figure>
  );
}
