-- A process number whose lease has run out; its former owner may not write any more. What that one
-- had confirmed of search parameters says nothing of the new one.
update process_slot
set owner = $1, leased_until = now() + make_interval(secs => $2), params = 0
where slot = (
  select slot from process_slot where leased_until < now()
  order by leased_until, slot limit 1 for update skip locked
)
returning slot
