// Who is at the other end of a TLS connection: the person and groups that the client certificate names.
// Invariant: only names that could not pass for a uid or a container are matched by rules; everything else names nobody.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { isCertificateName } from '@dockledger/contract';
import type { Caller } from '../../ports.ts';

const clientAuthentication = '1.3.6.1.5.5.7.3.2';

/** Why a certificate does not open the door, or undefined when it does. `now` is milliseconds since 1970. */
export function refusalOf(
  certificate: X509Certificate | undefined,
  isRevoked: (serialNumber: string) => boolean,
  now: number,
): string | undefined {
  if (certificate === undefined) return 'no client certificate was shown';
  const uses: readonly string[] = certificate.keyUsage ?? [];
  if (certificate.ca || !uses.includes(clientAuthentication)) return 'the certificate is not for clients';
  // A resumed session brings an earlier handshake's verdict along, so both ends of the validity are looked at anew.
  if (now < certificate.validFromDate.getTime()) return 'the certificate is not valid yet';
  if (now >= certificate.validToDate.getTime()) return 'the certificate has expired';
  if (isRevoked(serialOf(certificate))) return 'the certificate is revoked';
  return undefined;
}

/** The serial number as rule sets write it: lower-case hexadecimal, at least two digits. */
export function serialOf(certificate: X509Certificate): string {
  return certificate.serialNumber.toLowerCase();
}

/** The subject's attributes in order. Escaped characters stay escaped, so such a value is no certificate name. */
function attributesOf(subject: string): { readonly type: string; readonly value: string }[] {
  return subject.split('\n').flatMap((line) => {
    const equals = line.indexOf('=');
    return equals < 1 ? [] : [{ type: line.slice(0, equals), value: line.slice(equals + 1) }];
  });
}

// oxlint-disable-next-line no-control-regex -- what is cut out here are exactly the control characters
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/** The caller behind a verified certificate. A subject with no name, two names or an unfit one names nobody. */
export function callerOf(
  certificate: X509Certificate,
  remote: Pick<TLSSocket, 'remoteAddress' | 'remotePort'>,
): Caller {
  // A subject may hold a plus between attributes of one part; such a line is no plain attribute and names nobody.
  const attributes = attributesOf(certificate.subject ?? '');
  const names = attributes.filter(({ type }) => type === 'CN').map(({ value }) => value);
  const [name = ''] = names;
  const isKnown = names.length === 1 && isCertificateName(name);
  const groups = isKnown
    ? attributes.filter(({ type, value }) => type === 'O' && isCertificateName(value)).map(({ value }) => value)
    : [];
  return {
    actor: {
      user: isKnown ? name : '',
      userSource: 'certificate',
      certificate: (certificate.subject ?? '').replaceAll('\n', ', ').replace(unprintable, '?').slice(0, 512),
      ...(groups.length > 0 && { groups }),
      sourceIP: (remote.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''),
      ...(remote.remotePort !== undefined && { sourcePort: remote.remotePort }),
    },
    principals: isKnown ? [name] : [],
    groups,
  };
}
