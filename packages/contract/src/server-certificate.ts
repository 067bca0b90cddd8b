// What a Defender asks the Console for so that people can reach its Docker proxy over TLS, and which names a personal
// certificate may carry. Both ends check names by the same rule: what could be read as uid:N or container:NAME is no name.
import { type Static, Type } from 'typebox';

/** POST {@link ServerCertificateRequest} → {@link ServerCertificateAnswer}, on the Defender channel. */
export const serverCertificateRoute = '/defender/v1/server-certificate';

/** Asks for the certificate of the proxy's TLS listener. The key never leaves the host. */
export const ServerCertificateRequest = Type.Object({
  certificateRequest: Type.String({ maxLength: 10_000, description: 'PKCS#10, PEM' }),
  names: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
    minItems: 1,
    maxItems: 50,
    description: 'Host names and addresses that clients will use',
  }),
});
export type ServerCertificateRequest = Static<typeof ServerCertificateRequest>;

/** The listener's certificate and the authority of the people who may connect. */
export const ServerCertificateAnswer = Type.Object({
  certificate: Type.String({ description: 'PEM' }),
  ca: Type.String({ description: "PEM: signs people's certificates and this one, and nothing else" }),
});
export type ServerCertificateAnswer = Static<typeof ServerCertificateAnswer>;

/** Pattern of user and group names in certificates: no colon, no space, no control character, at most 64 characters. */
export const certificateNamePattern = '^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$';

const certificateName = new RegExp(certificateNamePattern);

/** True when the text may stand as user or group in a certificate and be matched by rules. */
export function isCertificateName(text: string): boolean {
  return certificateName.test(text);
}
