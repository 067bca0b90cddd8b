// The two kinds of rules.
import { Tabs } from '../../components/tabs.tsx';

/** The row of links. */
export function RulesTabs() {
  return (
    <Tabs
      label="Kinds of rules"
      pages={[
        ['/rules', 'Access'],
        ['/rules/compliance', 'Compliance'],
      ]}
    />
  );
}
