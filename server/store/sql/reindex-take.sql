-- The next type that nobody works on, once no process writes by older parameters: whatever is written
-- from then on needs no second look.
update reindex
set owner = $1, leased_until = now() + make_interval(secs => $2)
where type = (
  select type from reindex
  where finished is null and (leased_until < now() or owner = $1)
    and not exists (
      select 1 from process_slot
      where owner is not null and params < reindex.version
        and leased_until > now() - interval '30 seconds')
  order by asked, type limit 1 for update skip locked
)
returning type, version, round, position, total
