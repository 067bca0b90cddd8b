// The frame around every page: navigation, state of the Defenders, taste, and the sign-in over it when there is no session.
import type { ComponentChildren } from 'preact';
import { Frame } from './components/frame.tsx';
import { EmptyNotice, FailureNotice } from './components/notice.tsx';
import { SignIn } from './components/sign-in.tsx';
import { DefendersPage } from './pages/defenders/defenders-page.tsx';
import { EventsPage } from './pages/events/events-page.tsx';
import { EvidencePage } from './pages/evidence/evidence-page.tsx';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { CompliancePage } from './pages/rules/compliance-page.tsx';
import { RulesPage } from './pages/rules/rules-page.tsx';
import { CollectionsPage } from './pages/settings/collections-page.tsx';
import { UsersPage } from './pages/settings/users-page.tsx';
import { place } from './state/location.ts';
import { session } from './state/session.ts';

const pages: Readonly<Record<string, () => ComponentChildren>> = {
  '/': () => <OverviewPage />,
  '/events': () => <EventsPage />,
  '/rules': () => <RulesPage />,
  '/rules/compliance': () => <CompliancePage />,
  '/defenders': () => <DefendersPage />,
  '/evidence': () => <EvidencePage />,
  '/settings': () => <UsersPage />,
  '/settings/collections': () => <CollectionsPage />,
};

function NoSuchPage() {
  return (
    <EmptyNotice title="There is no such page">
      <p>
        <a href="/events">Go to the events</a>
      </p>
    </EmptyNotice>
  );
}

/** The whole page. */
export function App() {
  const { state } = session.value;
  if (state === 'unknown') {
    const { failure } = session.value;
    return failure === undefined ? null : <FailureNotice failure={failure} />;
  }
  if (state === 'signed-out') return <SignIn isOverPage={false} />;
  const path = place.value.path.replace(/(.)\/$/u, '$1');
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  return (
    <>
      <Frame>{page === undefined ? <NoSuchPage /> : page()}</Frame>
      {state === 'ended' && <SignIn isOverPage={true} />}
    </>
  );
}
