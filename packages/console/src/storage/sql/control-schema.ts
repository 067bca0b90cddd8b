// Tables of the control store as Kysely sees them. Only types that SQLite and PostgreSQL share: text and integer.

/** The control store's tables. JSON is kept as text, times as milliseconds since 1970. */
export interface ControlSchema {
  users: {
    username: string;
    role: string;
    password_hash: string;
    credentials_version: number;
    collections: string;
  };
  revoked_tokens: { token_id: string; expires_at: number };
  rule_sets: { version: number; rules: string; saved_at: string; saved_by: string; note: string };
  collections: { name: string; body: string };
  saved_views: { id: string; owner: string; name: string; query: string; is_shared: number; saved_at: string };
  defenders: {
    defender_id: string;
    name: string;
    cluster: string;
    labels: string;
    enrolled_at: number;
    certificate_expires_at: number;
    refuse_issued_until: number;
    revoked_at: number | null;
    last_seen_at: number;
    hostname: string;
  };
  defender_tokens: { digest: string; expires_at: number; body: string };
  groups: { name: string; kind: string; role: string; collections: string; owner: string; last_modified: string };
  group_members: { group_name: string; username: string };
  /** `grants` is a list of pairs: permission, read or write. */
  roles: { name: string; description: string; grants: string };
  settings: { name: string; body: string };
  user_certificates: { serial_number: string; issued_at: number; body: string };
}
