// Choosing actions by category with a search, for those who do not know their names by heart.
import { useState } from 'preact/hooks';
import { knownActions, toActionWords } from '../../lib/action-words.ts';

const categories: readonly [string, RegExp][] = [
  ['Containers', /^container_/u],
  ['Images', /^images?_/u],
  ['Networks', /^network_/u],
  ['Volumes', /^volume_/u],
  ['Swarm', /^(?:swarm|service|node|task|secret|config)_/u],
  ['Engine and build', /^(?!container_|images?_|network_|volume_|swarm_|service_|node_|task_|secret_|config_)/u],
];

interface Props {
  readonly chosen: readonly string[];
  /** Actions seen in events, offered beside the known ones. */
  readonly seen: readonly string[];
  readonly onChange: (chosen: string[]) => void;
}

/** The picker. Choosing nothing means all actions. */
export function ActionPicker({ chosen, seen, onChange }: Props) {
  const [search, setSearch] = useState('');
  const all = [...new Set([...knownActions, ...seen])].filter((name) => /^[a-z_]+$/u.test(name)).toSorted();
  const word = search.trim().toLowerCase();
  const toWords = (name: string) => `${toActionWords(name).verb} ${toActionWords(name).object}`;
  const found = all.filter((name) => name.includes(word) || toWords(name).includes(word));
  const toggle = (name: string) => {
    const named = chosen.filter((value) => value !== '*');
    const next = named.includes(name) ? named.filter((value) => value !== name) : [...named, name];
    onChange(next.length === 0 ? ['*'] : next);
  };
  return (
    <>
      <input
        type="text"
        aria-label="Search actions"
        placeholder="Search: exec, remove, logs …"
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      <div class="picker">
        {categories.map(([title, pattern]) => {
          const names = found.filter((name) => pattern.test(name));
          return (
            names.length > 0 && (
              <section key={title}>
                <h4>{title}</h4>
                <div class="picker-items">
                  {names.map((name) => (
                    <label key={name} title={toWords(name)}>
                      <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
                      <code>{name}</code>
                    </label>
                  ))}
                </div>
              </section>
            )
          );
        })}
        {found.length === 0 && (
          <p class="muted">No known action has this in its name. Type it into the list instead.</p>
        )}
      </div>
    </>
  );
}
