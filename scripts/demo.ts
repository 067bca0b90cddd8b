// `npm run demo`: a private Docker engine, two OS users, allowed and refused commands, and the trail that they leave.
// Touches nothing of the host: own engine, own socket, own data, users in a mount namespace. Cleans up after itself.
import { createPeople, engineUnavailable, startDockledger, startEngine, until } from '@dockledger/testkit';

const why = engineUnavailable();
if (why !== undefined) {
  console.error(`The demo needs a Docker engine of its own, and ${why}. Run it as root on Debian or Ubuntu.`);
  process.exit(1);
}

const pad = (text: string, width: number) =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);

console.log('Starting a private Docker engine and Dockledger in front of it …');
await using engine = await startEngine();
await engine.importBusybox('busybox:demo');
await using people = await createPeople();
await using dockledger = await startDockledger({
  engineHost: engine.host,
  prefix: people.prefix,
  settings: { PROXY_MODE: '0666' },
});

const rules = [
  {
    name: 'no-privileged-users',
    effect: 'deny',
    action: ['container_create', 'container_exec_create'],
    principal: ['bob'],
    blockMsg: 'Ask the platform team.',
  },
  { name: 'Default - allow all', effect: 'allow' },
];
const saved = await dockledger.api('/api/v1/policies/docker', {
  method: 'PUT',
  body: JSON.stringify({ policyType: 'docker', rules }),
});
if (saved.status !== 200) throw new Error(`The rules were not saved: ${saved.text}`);
const environment = { DOCKER_HOST: dockledger.dockerHost };
await until(
  'the rules are in force',
  async () => (await people.as('bob', '$D create busybox:demo true', environment)).code !== 0,
);

const script = [
  ['alice', 'docker ps'],
  ['alice', 'docker run -d --name web --network none -e API_KEY=s3cret busybox:demo sleep 300'],
  ['bob', 'docker logs web'],
  ['bob', 'docker run --rm --network none busybox:demo true'],
  ['bob', 'docker exec web sh'],
  ['alice', 'sudo docker exec web true'],
  ['alice', 'docker rm -f web'],
] as const;
console.log();
for (const [person, line] of script) {
  console.log(`${person}$ ${line}`);
  const ran = await people.as(
    person,
    line.replace(/^sudo docker/, 'sudo --preserve-env=DOCKER_HOST $D').replace(/^docker/, '$D'),
    environment,
  );
  const said = (ran.stdout + ran.stderr).trim();
  if (said !== '') console.log(`  ${said.split('\n').join('\n  ')}`);
}

const wanted = ['container_list', 'container_create', 'container_logs', 'container_exec_create', 'container_delete'];
const trail = await until('the trail holds every command', async () => {
  const found = await dockledger.audits();
  return wanted.every((api) => found.some((record) => record.api === api)) ? found : undefined;
});
console.log(
  `\n${pad('time', 13)} ${pad('who', 8)} ${pad('what', 24)} ${pad('container', 12)} ${pad('image', 14)} ${pad('', 8)} rule`,
);
for (const record of trail) {
  if (record.api === 'docker_ping') continue;
  console.log(
    `${pad(record.time.slice(11, 23), 13)} ${pad(record.user, 8)} ${pad(record.api, 24)} ${pad(record.containerName, 12)} ${pad(record.imageName, 14)} ${pad(record.allow ? 'allowed' : 'REFUSED', 8)} ${record.ruleName}`,
  );
}
console.log(`\nThe page: ${dockledger.endpoints.console}   user admin, password: ${dockledger.password}`);
console.log(`Your own commands: DOCKER_HOST=${dockledger.dockerHost} docker ps`);

if (process.stdin.isTTY) {
  console.log('Press Ctrl-C to end; everything is removed then.');
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
}
