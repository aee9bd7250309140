-- Passkeys, second factors, and what the account page shows of sessions (server/auth).

-- Passkeys and security keys (WebAuthn). id: base64url, as browsers send it; public_key: COSE_Key;
-- synced: it may be on several devices of its owner.
create table auth_passkey (
  id         text primary key,
  user_id    text not null references auth_user on delete cascade,
  name       text not null,
  public_key bytea not null,
  counter    bigint not null,
  transports text[] not null default '{}',
  synced     boolean not null,
  created_at timestamptz not null,
  used_at    timestamptz
);
create index auth_passkey_user on auth_passkey (user_id);

-- For who has lost their passkey; each works once.
create table auth_recovery_code (
  user_id text not null references auth_user on delete cascade,
  hash    bytea not null,
  used_at timestamptz,
  primary key (user_id, hash)
);

-- What a passkey is to sign; the row goes when it is used. browser: hash of its cookie; user_id: of
-- whom it is asked, null where anybody may answer.
create table auth_challenge (
  hash       bytea primary key,
  browser    bytea not null,
  purpose    text not null check (purpose in ('register', 'second-factor', 'sign-in')),
  user_id    text references auth_user on delete cascade,
  expires_at timestamptz not null
);
create index auth_challenge_expiry on auth_challenge (expires_at);

-- Sign-ins whose password was right and whose second factor is missing. purpose: where they lead.
create table auth_sign_in (
  hash       bytea primary key,
  browser    bytea not null,
  user_id    text not null references auth_user on delete cascade,
  purpose    jsonb not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index auth_sign_in_expiry on auth_sign_in (expires_at);

-- Browser and system in words (`Firefox on Windows`), for people to tell their sessions apart.
alter table auth_session add column device text;
