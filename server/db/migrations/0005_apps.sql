-- What apps find and keep at the authorization server (server/auth).

-- The User-access Brands Bundle that is published, one at most. identifier: that of the primary
-- brand, as FHIR writes it.
create table auth_brands (
  one        boolean primary key default true check (one),
  content    text not null,
  identifier jsonb not null,
  updated_at timestamptz not null
);

-- State that apps keep (SMART App Launch 2.2, "App State"), apart from the Basic of records. owner: the
-- origin or the client it belongs to; subject: `Practitioner/1`, '' where it is about nobody.
create table auth_app_state (
  id         uuid primary key,
  version    int not null default 1,
  owner      text not null,
  system     text not null,
  code       text not null,
  subject    text not null,
  content    text not null,
  updated_at timestamptz not null
);
create index auth_app_state_key on auth_app_state (owner, subject, system, code);

-- A launch that an EHR outside of Kiln starts is for one user, in whichever session of theirs.
alter table auth_launch alter column session_id drop not null;
alter table auth_launch add column user_id text references auth_user on delete cascade;
alter table auth_launch add constraint auth_launch_whose
  check ((session_id is null) <> (user_id is null));
