-- The authorization server (server/auth). Secrets stand here as hashes only; each `hash` is SHA-256.
-- What may be used once has `used_at`, set by the statement that uses it.

-- Applications and systems that may ask for tokens.
--   auth      how it proves who it is at the token endpoint
--   scopes    the most it may be given: all that its users may grant, or what a system has
--   roles     names of the roles (auth_role) whose rules bound a system client
create table auth_client (
  id            text primary key,
  name          text not null,
  auth          text not null check (auth in ('none', 'secret', 'key')),
  secret_hash   text,
  jwks          jsonb,
  jwks_uri      text,
  redirect_uris text[] not null default '{}',
  launch_uris   text[] not null default '{}',
  grants        text[] not null default '{authorization_code,refresh_token}',
  scopes        text not null,
  roles         text[] not null default '{}',
  settings      jsonb not null default '{}',
  disabled_at   timestamptz,
  created_at    timestamptz not null default now()
);

-- People. fhir_user: `Practitioner/1`; issuer and subject: who they are at the hospital's identity
-- provider, where they sign in there. branches: ids of Organizations.
create table auth_user (
  id            text primary key,
  login         text unique,
  name          text not null,
  password_hash text,
  fhir_user     text,
  roles         text[] not null default '{}',
  branches      text[] not null default '{}',
  issuer        text,
  subject       text,
  disabled_at   timestamptz,
  created_at    timestamptz not null default now(),
  unique (issuer, subject)
);

-- Signed in at a browser; hash of the cookie. idp_session: `sid` of the identity provider.
create table auth_session (
  hash        bytea primary key,
  id          uuid not null unique,
  user_id     text not null references auth_user on delete cascade,
  methods     text[] not null,
  signed_in   timestamptz not null default now(),
  seen_at     timestamptz not null default now(),
  expires_at  timestamptz not null,
  ended_at    timestamptz,
  issuer      text,
  idp_session text
);
create index auth_session_user on auth_session (user_id);

-- An EHR launch that waits for its app (SMART App Launch 2.2, "launch").
create table auth_launch (
  hash       bytea primary key,
  client_id  text not null references auth_client on delete cascade,
  session_id uuid not null references auth_session (id) on delete cascade,
  context    jsonb not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);

-- An authorization request under way: from GET or POST authorize to the answer. browser: hash of the
-- cookie that binds it to one browser. step: what the pages have found out so far.
create table auth_request (
  hash       bytea primary key,
  browser    bytea not null,
  client_id  text not null references auth_client on delete cascade,
  params     jsonb not null,
  step       jsonb not null default '{}',
  expires_at timestamptz not null,
  used_at    timestamptz
);

create index auth_request_expiry on auth_request (expires_at);
create index auth_launch_expiry on auth_launch (expires_at);

-- What was granted, by a user to an app or to a system by itself; all its tokens end with it.
create table auth_grant (
  id         uuid primary key,
  client_id  text not null references auth_client on delete cascade,
  user_id    text references auth_user on delete cascade,
  session_id uuid references auth_session (id) on delete cascade,
  scope      text not null,
  context    jsonb not null default '{}',
  offline    boolean not null default false,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index auth_grant_user on auth_grant (user_id, client_id);
create index auth_grant_session on auth_grant (session_id);

create table auth_code (
  hash         bytea primary key,
  grant_id     uuid not null references auth_grant on delete cascade,
  redirect_uri text not null,
  challenge    text not null,
  nonce        text,
  expires_at   timestamptz not null,
  used_at      timestamptz
);

-- kind A: access, R: refresh. scope may be narrower than that of the grant.
create table auth_token (
  hash       bytea primary key,
  grant_id   uuid not null references auth_grant on delete cascade,
  kind       "char" not null check (kind in ('A', 'R')),
  scope      text not null,
  issued_at  timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz,
  revoked_at timestamptz
);
create index auth_token_grant on auth_token (grant_id);
create index auth_token_expiry on auth_token (expires_at);

-- Assertions of clients that were used (`jti`), until they expire.
create table auth_assertion (
  client_id  text not null,
  jti        text not null,
  expires_at timestamptz not null,
  primary key (client_id, jti)
);

-- Keys that sign id_tokens. private_jwk is encrypted where KILN_SECRET is set.
create table auth_key (
  kid         text primary key,
  public_jwk  jsonb not null,
  private_jwk text not null,
  created_at  timestamptz not null default now(),
  retired_at  timestamptz
);

-- Links that may be used once: first set-up, invitations.
create table auth_link (
  hash       bytea primary key,
  purpose    text not null,
  details    jsonb not null default '{}',
  expires_at timestamptz not null,
  used_at    timestamptz
);

-- Attempts that count against a limit: sign-ins and token requests.
create table auth_attempt (
  key        text primary key,
  count      int not null,
  since      timestamptz not null,
  blocked_to timestamptz
);

-- Roles as data. rules: a JSON array as server/auth/roles.ts describes it.
create table auth_role (
  name       text primary key,
  title      text not null,
  rules      jsonb not null,
  shipped    boolean not null default false,
  updated_at timestamptz not null default now()
);
