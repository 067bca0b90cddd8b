// Reads a peer out of the fixed places where daemons write it. Only a literal IPv4 or IPv6 address is a peer: host
// names come from the peer's own DNS and "UNKNOWN" from nobody, so both give null.
import type { HostLogPeer } from './host-log-result.ts';

/** True for a dotted IPv4 address with each part 0 to 255. */
function isIpv4(text: string): boolean {
  let parts = 1;
  let value = -1;
  for (let k = 0; k < text.length; k++) {
    const code = text.charCodeAt(k);
    if (code === 46) {
      if (value < 0) return false;
      parts++;
      value = -1;
    } else if (code >= 48 && code <= 57) {
      value = (value < 0 ? 0 : value * 10) + code - 48;
      if (value > 255) return false;
    } else return false;
  }
  return parts === 4 && value >= 0;
}

/** True for an IPv6 address, with an embedded IPv4 tail or a zone id or neither. */
function isIpv6(text: string): boolean {
  const percent = text.indexOf('%');
  if (percent >= 0 && !/^[A-Za-z0-9._~-]{1,32}$/.test(text.slice(percent + 1))) return false;
  const address = percent < 0 ? text : text.slice(0, percent);
  if (address.length < 2 || address.length > 45 || !address.includes(':')) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (let half = 0; half < halves.length; half++) {
    const part = halves[half] ?? '';
    if (part === '') continue;
    const pieces = part.split(':');
    for (let k = 0; k < pieces.length; k++) {
      const piece = pieces[k] ?? '';
      const isLast = k === pieces.length - 1 && half === halves.length - 1;
      if (isLast && piece.includes('.')) {
        if (!isIpv4(piece)) return false;
        groups += 2;
      } else if (/^[0-9a-fA-F]{1,4}$/.test(piece)) groups++;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** True for a literal address of either family. */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** The port in `text`, 0 to 65535, or -1. */
function toPort(text: string): number {
  if (text.length === 0 || text.length > 5) return -1;
  let port = 0;
  for (let k = 0; k < text.length; k++) {
    const digit = text.charCodeAt(k) - 48;
    if (digit < 0 || digit > 9) return -1;
    port = port * 10 + digit;
  }
  return port > 65535 ? -1 : port;
}

/** Reads all of `text` as `IP port N`. */
export function toPeerWithPort(text: string): HostLogPeer | null {
  const at = text.indexOf(' port ');
  if (at <= 0) return null;
  const port = toPort(text.slice(at + 6));
  const address = text.slice(0, at);
  return port >= 0 && isIpAddress(address) ? { address, port } : null;
}

/** Reads all of `text` as `IP port N`, or as `IP` as versions before 7.4 wrote it. */
export function toPeer(text: string): HostLogPeer | null {
  return isIpAddress(text) ? { address: text, port: null } : toPeerWithPort(text);
}

/** Reads all of `text` as `[IP]:N`. */
export function toBracketedPeer(text: string): HostLogPeer | null {
  const close = text.indexOf(']:');
  if (!text.startsWith('[') || close < 0) return null;
  const address = text.slice(1, close);
  const port = toPort(text.slice(close + 2));
  return port >= 0 && isIpAddress(address) ? { address, port } : null;
}
