-- Counts an attempt of a key ($1) at $2 (unix seconds); no row where the key has to wait. From the
-- $3rd in a row on, the next has to wait 1, 2, 4 .. seconds, at most $4; after $5 quiet seconds all
-- begins anew. since: the last attempt.
insert into auth_attempt as a (key, count, since)
values ($1, 1, to_timestamp($2))
on conflict (key) do update set
  since = excluded.since,
  (count, blocked_to) = (
    select n, case when n >= $3::int then
      excluded.since + make_interval(secs => least($4::int, 2 ^ least(n - $3::int, 30)))
    end
    from (
      select case when a.since < excluded.since - make_interval(secs => $5::int) then 1
        else a.count + 1 end
    ) as counted (n)
  )
where a.blocked_to is null or a.blocked_to <= excluded.since
  -- Longer than that only where the clock was set back.
  or a.blocked_to > excluded.since + make_interval(secs => $4::int)
