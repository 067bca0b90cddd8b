// The product's version and the API versions it answers to.

/** Version of this build; the compatible `version` route and `--version` print it. */
export const productVersion = '0.1.0';

/** Version paths of the compatible API: `/api/v<one of these>/…`. */
export const compatibleApiVersions: ReadonlySet<string> = new Set([
  '1',
  '21.04',
  '21.08',
  '22.01',
  '22.06',
  '22.12',
  '30.00',
  '30.01',
  '30.02',
  '30.03',
  '31.00',
  '31.01',
  '31.02',
  '32.00',
  '32.01',
  '32.02',
  '32.03',
  '32.04',
  '32.05',
  '32.06',
  '32.07',
  '33.00',
  '33.01',
  '33.02',
  '33.03',
  '34.00',
  '34.01',
  '34.02',
  '34.03',
  '34.04',
]);
