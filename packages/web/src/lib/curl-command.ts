// The API call behind what is shown, as a line for a POSIX shell. The token is a variable, never written out.

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A curl line for GET `path` with the parameters, to be run with `$TOKEN` set. */
export function toCurlCommand(origin: string, path: string, params: URLSearchParams): string {
  const search = params.toString();
  return `curl --cacert ca.pem -H "Authorization: Bearer $TOKEN" ${quote(`${origin}${path}${search === '' ? '' : `?${search}`}`)}`;
}
