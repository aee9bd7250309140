-- $9: whether issuer and subject ($7, $8) are given; else they stay as they are.
insert into auth_user as u (id, login, name, fhir_user, roles, branches, issuer, subject)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (id) do update set
  login = excluded.login,
  name = excluded.name,
  fhir_user = excluded.fhir_user,
  roles = excluded.roles,
  branches = excluded.branches,
  issuer = case when $9 then excluded.issuer else u.issuer end,
  subject = case when $9 then excluded.subject else u.subject end
