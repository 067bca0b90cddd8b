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
}
