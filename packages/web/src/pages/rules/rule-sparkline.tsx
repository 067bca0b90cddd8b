// The hits of a rule over the last 7 days as small bars beside their number.
import { useResource } from '../../state/resource.ts';
import { loadHitBars } from './seen-values.ts';

const height = 16;
const barWidth = 3;

/** The bars. Decoration of the number beside them: hidden from screen readers. */
export function RuleSparkline({ rule }: { readonly rule: string }) {
  const { data } = useResource(`bars ${rule}`, (signal) => loadHitBars(rule, signal));
  const most = Math.max(1, ...(data ?? []));
  return (
    <svg class="sparkline" width={28 * barWidth} height={height} aria-hidden="true">
      {data?.map((count, index) => {
        const size = count === 0 ? 1 : Math.max(2, Math.round((count / most) * height));
        return (
          <rect
            key={index}
            x={index * barWidth}
            y={height - size}
            width={barWidth - 1}
            height={size}
            class={count === 0 ? 'spark-none' : ''}
          />
        );
      })}
    </svg>
  );
}
