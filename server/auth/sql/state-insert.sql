-- New state, where there is not too much of its key ($8) and of its subject ($9) yet.
insert into auth_app_state (id, owner, system, code, subject, content, updated_at)
select $1, $2, $3, $4, $5, $6, to_timestamp($7::float8)
where (
    select count(*) from auth_app_state
    where owner = $2 and subject = $5 and system = $3 and code = $4
  ) < $8
  and (select count(*) from auth_app_state where owner = $2 and subject = $5) < $9
