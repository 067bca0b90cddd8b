// Refuses what a web page could make a browser send to a TCP port (T-80): cross-site requests and rebound host names.
// Invariant: applied to TCP only; a refusal names the header and echoes nothing.
import { isIP } from 'node:net';
import type { RequestGuard } from '../client-connection.ts';

/** The host without port and brackets, in lower case. */
export function hostNameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1];
  if (bracketed !== undefined) return bracketed.toLowerCase();
  return (isIP(host) === 6 ? host : host.replace(/:\d*$/, '')).toLowerCase();
}

/** Guards a listener that answers to `names`. */
export function createBrowserGuard(names: () => readonly string[]): RequestGuard {
  return ({ headers }) => {
    for (const { lowerName, value } of headers) {
      if (lowerName === 'origin' || lowerName.startsWith('sec-fetch-')) {
        return 'This request comes from a web page: the Docker API is not for browsers.';
      }
      if (lowerName === 'host' && !names().includes(hostNameOf(value))) {
        return 'The Host header names no address of this Defender. Add the name to the setting proxyTlsNames.';
      }
    }
    return undefined;
  };
}
