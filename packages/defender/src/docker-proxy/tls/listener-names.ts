// The names and addresses under which clients may reach the TLS listener. Order is stable, so that a restart asks for the same.
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** What the certificate covers and the Host header may say: this host's names, its addresses, and what the setting adds. */
export function listenerNames(options: {
  readonly host: string;
  readonly hostname: string;
  readonly fqdn: string;
  readonly more: readonly string[];
}): readonly string[] {
  const { host, hostname, fqdn, more } = options;
  const isWildcard = host === '0.0.0.0' || host === '::';
  const addresses = isWildcard
    ? Object.values(networkInterfaces()).flatMap((list) =>
        (list ?? []).map(({ address }) => address.split('%')[0] ?? ''),
      )
    : [host];
  const all = ['localhost', '127.0.0.1', '::1', hostname, fqdn, ...addresses, ...more].map((name) =>
    name.toLowerCase(),
  );
  // Link-local addresses need a zone and cannot stand in a certificate; a name that is none would spoil the others.
  const fit = all.filter(
    (name) => (isIP(name) > 0 && !name.startsWith('fe80:')) || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name),
  );
  return [...new Set(fit)].toSorted().slice(0, 50);
}
