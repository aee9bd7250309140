-- Processes that may still write by older parameters. A statement that began before a lease ran out
-- is over half a minute later.
select count(*) from process_slot
where owner is not null and params < $1 and leased_until > now() - interval '30 seconds'
