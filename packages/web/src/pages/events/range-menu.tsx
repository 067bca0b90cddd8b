// Choosing the time range: named ranges, or two instants in the zone that times are shown in.
import { useState } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { Menu } from '../../components/menu.tsx';
import { formatDay, formatMinute, type Zone } from '../../lib/format-time.ts';
import { rangePresets, type TimeRange, toBounds } from '../../lib/time-range.ts';
import { taste } from '../../state/taste.ts';
import { query, setRange } from './query-state.ts';

function toLabel(range: TimeRange, zone: Zone): string {
  if (range.kind === 'all') return 'All time';
  if (range.kind === 'last') {
    const preset = rangePresets.find(({ minutes }) => minutes === range.minutes);
    return preset?.label ?? `Last ${range.minutes} minutes`;
  }
  const sameDay = formatDay(range.fromMs, zone) === formatDay(range.toMs, zone);
  const from = `${formatDay(range.fromMs, zone)} ${formatMinute(range.fromMs, zone)}`;
  const to = `${sameDay ? '' : `${formatDay(range.toMs, zone)} `}${formatMinute(range.toMs, zone)}`;
  return `${from} – ${to}`;
}

function toField(ms: number, zone: Zone): string {
  return `${formatDay(ms, zone)}T${formatMinute(ms, zone)}`;
}

function fromField(value: string, zone: Zone): number {
  return Date.parse(zone === 'utc' ? `${value}Z` : value);
}

function AbsoluteForm({ onDone }: { readonly onDone: () => void }) {
  const { zone } = taste.value;
  const bounds = toBounds(query.value.range, Date.now());
  const [from, setFrom] = useState(toField(bounds.fromMs ?? Date.now() - 86_400_000, zone));
  const [to, setTo] = useState(toField(bounds.toMs ?? Date.now() + 60_000, zone));
  const fromMs = fromField(from, zone);
  const toMs = fromField(to, zone);
  return (
    <form
      class="range-form"
      onSubmit={(event) => {
        event.preventDefault();
        setRange({ kind: 'between', fromMs, toMs });
        onDone();
      }}
    >
      <label>
        From ({zone === 'utc' ? 'UTC' : 'local'})
        <input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} required />
      </label>
      <label>
        To
        <input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} required />
      </label>
      <button type="submit" class="button" disabled={!(fromMs < toMs)}>
        {fromMs < toMs ? 'Show' : 'From must be before to'}
      </button>
    </form>
  );
}

/** The range button with its panel. */
export function RangeMenu() {
  const { range } = query.value;
  const label = toLabel(range, taste.value.zone);
  return (
    <Menu
      title={`Time range: ${label}`}
      label={
        <>
          <Icon name="clock" />
          <span class="tabular">{label}</span>
        </>
      }
    >
      {(close) => (
        <>
          {rangePresets.map((preset) => (
            <button
              key={preset.minutes}
              type="button"
              class="menu-item"
              aria-pressed={range.kind === 'last' && range.minutes === preset.minutes}
              onClick={() => {
                setRange({ kind: 'last', minutes: preset.minutes });
                close();
              }}
            >
              {preset.label}
            </button>
          ))}
          <button
            type="button"
            class="menu-item"
            aria-pressed={range.kind === 'all'}
            onClick={() => {
              setRange({ kind: 'all' });
              close();
            }}
          >
            All time
          </button>
          <hr />
          <AbsoluteForm onDone={close} />
        </>
      )}
    </Menu>
  );
}
