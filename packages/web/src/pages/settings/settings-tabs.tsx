// The pages of the settings.
import { Tabs } from '../../components/tabs.tsx';

/** The row of links. */
export function SettingsTabs() {
  return (
    <Tabs
      label="Settings"
      pages={[
        ['/settings', 'Users'],
        ['/settings/collections', 'Collections'],
      ]}
    />
  );
}
