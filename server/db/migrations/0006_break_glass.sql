-- Breaking the glass: access to one patient for a reason, for minutes, reviewed afterwards.

-- When a grant ends by itself; null: it is its tokens that expire.
alter table auth_grant add column expires_at timestamptz;

-- One row each time, kept for good: grants are swept, what happened under them has to be answered for.
-- The Task (FHIR) of who reviews it has the id of the grant.
--   grant_id    of the grant; in a launch it is made later than the row, or never
--   user_id ..  no references: who is gone is still named here
--   ended_at    before expires_at: by signing out, by an administrator, with the app or the user
create table auth_break_glass (
  grant_id    uuid primary key,
  user_id     text not null,
  client_id   text not null,
  session_id  uuid not null,
  patient     text not null,
  reason      text not null,
  began_at    timestamptz not null,
  expires_at  timestamptz not null,
  ended_at    timestamptz,
  reviewed_at timestamptz,
  reviewed_by text,
  outcome     text
);
create index auth_break_glass_session on auth_break_glass (session_id, patient);
create index auth_break_glass_began on auth_break_glass (began_at, grant_id);
