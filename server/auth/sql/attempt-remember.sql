-- since: the last success.
insert into auth_attempt (key, count, since)
values ($1, 0, to_timestamp($2))
on conflict (key) do update set since = excluded.since
